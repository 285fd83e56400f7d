"""Whether the distillation terms of a config exist, and those who are to teach them can."""

from collections.abc import Iterable, Iterator
from itertools import chain

from search.config.check_methods import is_method
from search.config.names import Problem, unknown, without_repetition
from search.config.schema import TWIN, Config
from spaces.candidate import NO_TEACHER
from spaces.detectors import DETECTORS
from spaces.space import weight_grid
from trainers.distill import TERMS
from trainers.distill.ensemble import ENSEMBLE


def searched_terms(config: Config) -> Iterator[Problem]:
    """Of the terms of `space.terms`."""
    for name, term in config.space.terms.items():
        key = f"space.terms.{name}"
        yield from _exists(key, name)
        yield from _teachers(config, name, term.teachers, f"{key}.teachers", [NO_TEACHER, *config.teachers, ENSEMBLE])
        yield from without_repetition(f"{key}.teachers", term.teachers)
        if set(term.teachers) == {NO_TEACHER}:
            yield f"{key}.teachers", f"is {NO_TEACHER!r} alone: nobody ever teaches it. Add a teacher, or take it out."
        offered = [*config.space.layers.methods, *chain(*config.space.layers.open.values())]
        yield from _effect(key, name, offered, "method of space.layers")
        try:
            weight_grid(*term.weight)
        except ValueError as error:
            yield f"{key}.weight", str(error)
    if config.space.terms and config.scoring.adapt_steps == 0:
        names = ", ".join(config.space.terms)
        reason = f"is 0, so that what space.terms searches ({names}) has no effect on scores"
        yield "scoring.adapt_steps", f"{reason}. Adapt some steps, or take the terms out."


def trained_terms(config: Config, methods: Iterable[str]) -> Iterator[Problem]:
    """Of the terms of `train.terms`, on layers of these methods."""
    for name, term in config.train.terms.items():
        key = f"train.terms.{name}"
        yield from _exists(key, name)
        if term.teacher == NO_TEACHER:
            yield f"{key}.teacher", f"is {NO_TEACHER!r}: a term that nobody teaches is left out here. Take it out."
        else:
            yield from _teachers(config, name, [term.teacher], f"{key}.teacher", [*config.teachers, ENSEMBLE])
        yield from _effect(key, name, methods, "layer of train.layers")


def taught_by_ensemble(config: Config) -> list[str]:
    """The terms, of the space and of `train`, that name `ensemble` and can be taught by one."""
    searched = [name for name, term in config.space.terms.items() if ENSEMBLE in term.teachers]
    trained = [name for name, term in config.train.terms.items() if term.teacher == ENSEMBLE]
    return [name for name in (*searched, *trained) if not _compares_layers(name)]


def _exists(key: str, term: str) -> Iterator[Problem]:
    if term not in TERMS:
        yield key, f"No distillation term is called so: {unknown(term, TERMS)}"


def _teachers(config: Config, term: str, names: Iterable[str], key: str, pool: list[str]) -> Iterator[Problem]:
    for name in dict.fromkeys(names):
        if name not in pool:
            known = [one for one in pool if one != ENSEMBLE or not _compares_layers(term)]
            yield key, f"{unknown(name, known)} Add it under teachers, or name another."
        elif _compares_layers(term) and name == ENSEMBLE:
            fitting = [one for one in config.teachers if not _misfit(config, one)]
            yield (
                key,
                f"{ENSEMBLE!r} can't teach it: {term} compares the student's layers with those of one teacher. "
                f"Name one instead: {', '.join(fitting)}.",
            )
        elif _compares_layers(term) and (misfit := _misfit(config, name)):
            student = config.student
            yield (
                key,
                f"{name!r} is {misfit}, but {term} compares the student's layers with the "
                f"teacher's, which must be a {student.detector} of width {student.width:g} too, as {TWIN} is. "
                "Take it out here.",
            )


def _misfit(config: Config, name: str) -> str:
    """What a teacher is whose layers are not the student's, else nothing.

    Of one that is given its file says what it is; of a detector that doesn't exist other checks tell.
    """
    student, teacher = config.student, config.teachers.get(name)
    if teacher is None or teacher.is_given or name == TWIN:
        return ""
    detector, width = teacher.detector or student.detector, teacher.width or student.width
    same = (detector, width) == (student.detector, student.width)
    return "" if same or not {detector, student.detector} <= set(DETECTORS) else f"a {detector} of width {width:g}"


def _effect(key: str, term: str, methods: Iterable[str], what: str) -> Iterator[Problem]:
    """A term that compares layers, without a layer that it acts on; what is no method is told elsewhere."""
    if _compares_layers(term) and not any(not is_method(one) or TERMS[term].acts_on(one) for one in methods):
        yield (
            key,
            f"has no effect: no {what} is {TERMS[term].acts_on_what}. Take the term out, or give layers another "
            "method.",
        )


def _compares_layers(term: str) -> bool:
    return term in TERMS and TERMS[term].compares_layers
