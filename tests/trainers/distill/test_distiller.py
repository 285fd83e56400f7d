import pytest
import torch
from torch import nn

from spaces.candidate import Candidate
from trainers.devices import freeze
from trainers.distill import TERMS, Distiller, Term

OFF = Candidate({"layer/backbone": "sign", "teacher/feature_hint": "none"})
ON = Candidate({"layer/backbone": "sign", "teacher/feature_hint": "twin", "weight/feature_hint": 0.5})


class Counted(nn.Module):
    """A teacher that counts its forward passes."""

    def __init__(self, network):
        super().__init__()
        self.network, self.calls = freeze(network), 0
        self.feature_channels = network.feature_channels

    def forward(self, images, targets=None):
        self.calls += 1
        assert not torch.is_grad_enabled()
        return self.network(images, targets)


@pytest.fixture
def student(fixed):
    return fixed("sign")


@pytest.fixture
def teachers(fixed):
    return {"twin": Counted(fixed("real", seed=1)), "big": Counted(fixed("real", seed=2))}


def test_a_term_without_a_teacher_adds_nothing_and_runs_nobody(student, teachers, images, targets):
    distiller = Distiller(student, teachers, {"feature_hint": ["none", "twin", "big"]})
    output = student(images, targets)
    idle = [OFF, Candidate({}), ON.replace({"weight/feature_hint": 0.0}), ON.replace({"weight/feature_hint": 0})]
    for candidate in idle:
        assert distiller.losses(candidate, images, output) == {}
    assert [teacher.calls for teacher in teachers.values()] == [0, 0]


def test_the_weight_scales_the_term(student, teachers, images, targets):
    distiller = Distiller(student, teachers, {"feature_hint": ["twin"]})
    output = student(images, targets)
    with torch.no_grad():
        teacher_output = teachers["twin"](images)
    plain = distiller.terms["feature_hint"](output, teacher_output, "twin")
    losses = distiller.losses(ON, images, output)
    assert list(losses) == ["feature_hint"]
    torch.testing.assert_close(losses["feature_hint"], 0.5 * plain)
    assert losses["feature_hint"] > 0


def test_a_loss_that_is_no_scalar_is_refused_and_not_summed(student, teachers, images, targets, monkeypatch):
    distiller = Distiller(student, teachers, {"feature_hint": ["twin"]})
    output = student(images, targets)
    monkeypatch.setattr(distiller.terms["feature_hint"], "forward", lambda *args: torch.ones(3))
    with pytest.raises(ValueError, match=r"The term feature_hint gave a loss of shape \(3,\), must give a scalar"):
        distiller.losses(ON, images, output)


def test_the_named_teacher_is_asked(student, teachers, images, targets):
    distiller = Distiller(student, teachers, {"feature_hint": ["twin", "big"]})
    output = student(images, targets)
    by_teacher = [
        distiller.losses(ON.replace({"teacher/feature_hint": name}), images, output)["feature_hint"].item()
        for name in ("twin", "big")
    ]
    assert by_teacher[0] != by_teacher[1]
    assert [teacher.calls for teacher in teachers.values()] == [1, 1]


def test_a_term_without_a_weight_knob_counts_once(student, teachers, images, targets):
    """A space may offer a teacher alone; its term must not vanish without a word."""
    distiller = Distiller(student, teachers, {"feature_hint": ["twin"]})
    output = student(images, targets)
    once = distiller.losses(ON.replace({"weight/feature_hint": 1.0}), images, output)["feature_hint"]
    alone = distiller.losses(Candidate({"teacher/feature_hint": "twin"}), images, output)["feature_hint"]
    assert alone.item() == once.item()


def test_each_teacher_runs_once_for_all_its_terms(student, teachers, images, targets, monkeypatch):
    monkeypatch.setitem(TERMS, "second_hint", Term(build=TERMS["feature_hint"].build))
    names = ["twin", "big"]
    distiller = Distiller(student, teachers, {"feature_hint": names, "second_hint": names})
    both = {"teacher/second_hint": "twin", "weight/second_hint": 2.0}
    losses = distiller.losses(ON.replace(both), images, student(images, targets))
    assert set(losses) == {"feature_hint", "second_hint"}
    assert losses["second_hint"].item() == pytest.approx(4 * losses["feature_hint"].item())
    assert [teachers[name].calls for name in names] == [1, 0]
    distiller.losses(ON.replace(both | {"teacher/second_hint": "big"}), images, student(images, targets))
    assert [teachers[name].calls for name in names] == [2, 1]


def test_student_and_adapters_learn_from_the_term_and_the_teacher_does_not(student, teachers, images, targets):
    distiller = Distiller(student, teachers, {"feature_hint": ["twin"]})
    before = {name: tensor.clone() for name, tensor in teachers["twin"].state_dict().items()}
    sum(distiller.losses(ON, images, student(images, targets)).values()).backward()
    assert all(p.grad is not None and p.grad.count_nonzero() for p in distiller.parameters())
    assert student.backbone.conv1.weight.grad.count_nonzero() > 0
    assert all(p.grad is None for p in teachers["twin"].parameters())
    after = teachers["twin"].state_dict()
    assert all(torch.equal(after[name], before[name]) for name in before)  # running statistics too


def test_teachers_are_no_part_of_its_state_and_keep_their_mode(student, teachers):
    distiller = Distiller(student, teachers, {"feature_hint": ["none", "twin", "big"]})
    levels = list(student.feature_channels)
    expected = [f"terms.feature_hint.adapters.{t}.{level}.weight" for t in (0, 1) for level in levels]
    assert list(distiller.state_dict()) == expected
    distiller.train()
    assert not any(teacher.network.training for teacher in teachers.values())


def test_without_terms_there_is_nothing_to_learn(student, images, targets):
    distiller = Distiller(student, {}, {})
    assert list(distiller.parameters()) == []
    assert distiller.losses(ON, images, student(images)) == {}
