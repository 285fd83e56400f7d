"""Checks of distillation terms: whether they exist, have an effect, and their teachers can teach them."""

from collections.abc import Collection, Iterable, Iterator, Mapping

from search.config.check_layers import is_method, searched_methods, trained_methods
from search.config.names import unknown, without_repetition
from search.config.problems import Kind, Problem
from search.config.schema import TWIN, Space, Student, Teacher, Term, Train, TrainTerm
from spaces.candidate import NO_TEACHER
from spaces.detectors import DETECTORS
from spaces.space import weight_grid
from trainers.distill import TERMS
from trainers.distill.ensemble import ENSEMBLE

Shape = tuple[str, float]
"""A detector's name and its width."""


def searched_terms(space: Space, student: Student, teachers: Mapping[str, Teacher]) -> Iterator[Problem]:
    """Problems of `space.terms`."""
    shapes, methods = _shapes(student, teachers), searched_methods(space.layers)
    for name, term in space.terms.items():
        key = f"space.terms.{name}"
        yield from _exists(key, name)
        yield from _teachers(f"{key}.teachers", name, term.teachers, [NO_TEACHER, *teachers, ENSEMBLE], shapes)
        yield from without_repetition(f"{key}.teachers", term.teachers)
        if set(term.teachers) == {NO_TEACHER}:
            text = f"is {NO_TEACHER!r} alone, so that the term is never used. Add a teacher, or take the term out."
            yield Problem(f"{key}.teachers", Kind.NO_EFFECT, text)
        yield from _effect(key, name, methods, "method of space.layers")
        try:
            weight_grid(*term.weight)
        except ValueError as error:
            yield Problem(f"{key}.weight", Kind.NOT_ALLOWED, str(error), list(term.weight))


def trained_terms(train: Train, student: Student, teachers: Mapping[str, Teacher]) -> Iterator[Problem]:
    """Problems of `train.terms`."""
    shapes, methods = _shapes(student, teachers), trained_methods(train.layers)
    for name, term in train.terms.items():
        key = f"train.terms.{name}"
        yield from _exists(key, name)
        if term.teacher == NO_TEACHER:
            text = f"is {NO_TEACHER!r}, so that the term is not used. Name a teacher, or take the term out."
            yield Problem(f"{key}.teacher", Kind.NO_EFFECT, text, NO_TEACHER)
        else:
            yield from _teachers(f"{key}.teacher", name, [term.teacher], [*teachers, ENSEMBLE], shapes)
        yield from _effect(key, name, methods, "layer of train.layers")


def taught_by_ensemble(searched: Mapping[str, Term], trained: Mapping[str, TrainTerm]) -> list[str]:
    """The terms, of `space` and of `train`, that name `ensemble` and can be taught by one."""
    names = [name for name, term in searched.items() if ENSEMBLE in term.teachers]
    names += [name for name, term in trained.items() if term.teacher == ENSEMBLE]
    return [name for name in names if not _compares_layers(name)]


def _exists(key: str, term: str) -> Iterator[Problem]:
    if term not in TERMS:
        yield Problem(key, Kind.UNKNOWN, unknown(term, TERMS), term)


def _teachers(
    key: str, term: str, names: Iterable[str], pool: Collection[str], shapes: Mapping[str, Shape]
) -> Iterator[Problem]:
    """Each name must be in the pool; a teacher that teaches layers must have the student's shape, which is the twin's.

    `shapes` holds those of the pool's networks: `none` and `ensemble` have no shape.
    """
    for name in dict.fromkeys(names):
        if name not in pool:
            allowed = [one for one in pool if one != ENSEMBLE or not _compares_layers(term)]
            text = f"{unknown(name, allowed)} Add it under teachers, or name another."
            yield Problem(key, Kind.UNKNOWN, text, name)
        elif _compares_layers(term) and name == ENSEMBLE:
            fitting = [one for one, shape in shapes.items() if shape == shapes[TWIN]]
            text = f"{ENSEMBLE!r} can't teach it: {term} compares the student's layers with those of one teacher"
            yield Problem(key, Kind.CONFLICT, f"{text}. Name one instead: {', '.join(fitting)}.", name)
        elif _compares_layers(term) and name in shapes and shapes[name] != shapes[TWIN]:
            text = (
                f"{name!r} is {_in_words(shapes[name])}, but {term} compares the student's layers with the teacher's, "
                f"which must be {_in_words(shapes[TWIN])} too, as {TWIN} is. Take it out here."
            )
            yield Problem(key, Kind.CONFLICT, text, name)


def _shapes(student: Student, teachers: Mapping[str, Teacher]) -> dict[str, Shape]:
    """The shape of each teacher; the twin has the student's.

    The student's stands also for a teacher read from a file, which holds its own shape, and for a detector that doesn't
    exist: other checks look at both.
    """
    own, shapes = (student.detector, student.width), {}
    for name, one in teachers.items():
        detector, width = one.detector or student.detector, one.width or student.width
        as_student = name == TWIN or one.is_given or not {detector, student.detector} <= set(DETECTORS)
        shapes[name] = own if as_student else (detector, width)
    return shapes


def _in_words(shape: Shape) -> str:
    detector, width = shape
    return f"a {detector} of width {width:g}"


def _effect(key: str, term: str, methods: Iterable[str], what: str) -> Iterator[Problem]:
    """A term that compares layers needs a layer that it acts on; a name that is no method may be a misspelt one."""
    if _compares_layers(term) and not any(not is_method(one) or TERMS[term].acts_on(one) for one in methods):
        text = f"has no effect: no {what} is {TERMS[term].acts_on_what}"
        yield Problem(key, Kind.NO_EFFECT, f"{text}. Take the term out, or give layers another method.")


def _compares_layers(term: str) -> bool:
    return term in TERMS and TERMS[term].compares_layers
