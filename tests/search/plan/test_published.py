"""Which published weights a training starts from."""

from pathlib import Path

import pytest

from search.config.schema import Student, Teacher
from search.plan.published import Start, student_start, teacher_start


def test_weights_that_go_by_a_name_are_no_file():
    assert Start("student.weights", "imagenet").file is None
    assert Start("student.weights", "coco").file is None
    assert Start("student.weights", "/weights/own.pth").file == Path("/weights/own.pth")


@pytest.mark.parametrize(
    ("name", "teacher", "student", "expected"),
    [
        ("twin", None, None, None),
        ("twin", None, "own.pth", Start("student.weights", "own.pth")),
        ("twin", "twins.pth", "own.pth", Start("teachers.twin.weights", "twins.pth")),
        ("twin", "imagenet", None, Start("teachers.twin.weights", "imagenet")),
        ("big", None, "own.pth", None),
        ("big", "bigs.pth", "own.pth", Start("teachers.big.weights", "bigs.pth")),
        ("big", "big.safetensors", None, None),
    ],
)
def test_a_teacher_starts_from_its_own_weights_and_the_twin_else_from_the_students(name, teacher, student, expected):
    section = Student(detector="ssd_resnet18", weights=student)
    assert teacher_start(name, Teacher(weights=teacher), section) == expected
    assert student_start(section) == (None if student is None else Start("student.weights", student))
