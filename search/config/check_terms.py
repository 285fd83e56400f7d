"""Checks of distillation terms: whether they exist, have an effect, and their teachers can teach them."""

from collections.abc import Iterable, Iterator

from search.config.check_layers import is_method, searched_methods, trained_methods
from search.config.names import unknown, without_repetition
from search.config.problems import Kind, Problem
from search.config.schema import TWIN, Config
from spaces.candidate import NO_TEACHER
from spaces.detectors import DETECTORS
from spaces.space import weight_grid
from trainers.distill import TERMS
from trainers.distill.ensemble import ENSEMBLE


def searched_terms(config: Config) -> Iterator[Problem]:
    """Problems of `space.terms`."""
    for name, term in config.space.terms.items():
        key = f"space.terms.{name}"
        yield from _exists(key, name)
        yield from _teachers(config, name, term.teachers, f"{key}.teachers", [NO_TEACHER, *config.teachers, ENSEMBLE])
        yield from without_repetition(f"{key}.teachers", term.teachers)
        if set(term.teachers) == {NO_TEACHER}:
            text = f"is {NO_TEACHER!r} alone, so that the term is never used. Add a teacher, or take the term out."
            yield Problem(f"{key}.teachers", Kind.NO_EFFECT, text)
        yield from _effect(key, name, searched_methods(config), "method of space.layers")
        try:
            weight_grid(*term.weight)
        except ValueError as error:
            yield Problem(f"{key}.weight", Kind.NOT_ALLOWED, str(error), list(term.weight))
    if config.space.terms and config.scoring.adapt_steps == 0:
        names = ", ".join(config.space.terms)
        reason = f"is 0, so that what space.terms searches ({names}) has no effect on scores"
        text = f"{reason}. Adapt some steps, or take the terms out."
        yield Problem("scoring.adapt_steps", Kind.CONFLICT, text, 0)


def trained_terms(config: Config) -> Iterator[Problem]:
    """Problems of `train.terms`."""
    for name, term in config.train.terms.items():
        key = f"train.terms.{name}"
        yield from _exists(key, name)
        if term.teacher == NO_TEACHER:
            text = f"is {NO_TEACHER!r}, so that the term is not used. Name a teacher, or take the term out."
            yield Problem(f"{key}.teacher", Kind.NO_EFFECT, text, NO_TEACHER)
        else:
            yield from _teachers(config, name, [term.teacher], f"{key}.teacher", [*config.teachers, ENSEMBLE])
        yield from _effect(key, name, trained_methods(config), "layer of train.layers")


def taught_by_ensemble(config: Config) -> list[str]:
    """The terms, of the space and of `train`, that name `ensemble` and can be taught by one."""
    searched = [name for name, term in config.space.terms.items() if ENSEMBLE in term.teachers]
    trained = [name for name, term in config.train.terms.items() if term.teacher == ENSEMBLE]
    return [name for name in (*searched, *trained) if not _compares_layers(name)]


def _exists(key: str, term: str) -> Iterator[Problem]:
    if term not in TERMS:
        yield Problem(key, Kind.UNKNOWN, unknown(term, TERMS), term)


def _teachers(config: Config, term: str, names: Iterable[str], key: str, pool: list[str]) -> Iterator[Problem]:
    """Each teacher must be in the pool; one that teaches layers must have the student's layers."""
    student = config.student
    for name in dict.fromkeys(names):
        if name not in pool:
            allowed = [one for one in pool if one != ENSEMBLE or not _compares_layers(term)]
            text = f"{unknown(name, allowed)} Add it under teachers, or name another."
            yield Problem(key, Kind.UNKNOWN, text, name)
        elif _compares_layers(term) and name == ENSEMBLE:
            fitting = [one for one in config.teachers if not _other_shape(config, one)]
            text = f"{ENSEMBLE!r} can't teach it: {term} compares the student's layers with those of one teacher"
            yield Problem(key, Kind.CONFLICT, f"{text}. Name one instead: {', '.join(fitting)}.", name)
        elif _compares_layers(term) and (shape := _other_shape(config, name)):
            text = (
                f"{name!r} is {shape}, but {term} compares the student's layers with the teacher's, which must be a "
                f"{student.detector} of width {student.width:g} too, as {TWIN} is. Take it out here."
            )
            yield Problem(key, Kind.CONFLICT, text, name)


def _other_shape(config: Config, name: str) -> str:
    """Detector and width of a teacher whose layers differ from the student's, else nothing.

    Nothing either for a teacher that is a file, which says itself what it is, and for a detector that doesn't exist,
    which other checks report.
    """
    student, teacher = config.student, config.teachers.get(name)
    if teacher is None or teacher.is_given or name == TWIN:
        return ""
    detector, width = teacher.detector or student.detector, teacher.width or student.width
    same = (detector, width) == (student.detector, student.width)
    return "" if same or not {detector, student.detector} <= set(DETECTORS) else f"a {detector} of width {width:g}"


def _effect(key: str, term: str, methods: Iterable[str], what: str) -> Iterator[Problem]:
    """A term that compares layers needs a layer that it acts on; a name that is no method may be a misspelt one."""
    if _compares_layers(term) and not any(not is_method(one) or TERMS[term].acts_on(one) for one in methods):
        text = f"has no effect: no {what} is {TERMS[term].acts_on_what}"
        yield Problem(key, Kind.NO_EFFECT, f"{text}. Take the term out, or give layers another method.")


def _compares_layers(term: str) -> bool:
    return term in TERMS and TERMS[term].compares_layers
