"""A plan of comparisons: which networks are trained over one config, and reading it from a YAML file."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from search.config import ConfigError, Kind, Problem
from search.config.messages import schema_problems
from search.config.names import unknown
from search.config.strict_yaml import YamlError, parse_yaml

TEACHERS_FILE = re.compile(r"\{([^{}:,\s]+)\}")
"""A teacher's name in braces. A mapping in braces has a colon, a space or a comma."""

Label = Annotated[str, BeforeValidator(str)]  # YAML reads some names as numbers
Overrides = tuple[str, ...]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ComparisonSection(_Section):
    """Arms that share a run folder; `set` comes before the arms' own overrides.

    against: the arms that the others are compared with; the first where there are none.
    """

    set: Overrides = ()
    folder: str | None = None
    against: tuple[Label, ...] = ()
    arms: Annotated[dict[Label, Overrides], Field(min_length=1)]


class PlanFile(_Section):
    """The content of a plan's file.

    teachers: what is trained first, of any layers; its file is a teacher's, or what a training starts from.
    """

    config: str
    set: Overrides = ()
    teachers: dict[Label, Overrides] = {}
    comparisons: Annotated[dict[Label, ComparisonSection], Field(min_length=1)]


@dataclass(frozen=True)
class Arm:
    """One network, trained once per seed in `runs/<folder>_seed<seed>`; `overrides` are its own, KEY=VALUE."""

    comparison: str
    name: str
    folder: str
    overrides: Overrides

    @property
    def label(self) -> str:
        return f"{self.comparison}, {self.name}"

    @property
    def teachers(self) -> set[str]:
        """The teachers whose files its overrides name."""
        return {name for override in self.overrides for name in TEACHERS_FILE.findall(override)}

    def with_files(self, files: Mapping[str, Path]) -> list[str]:
        """Its overrides with the teachers' files in place of their names. `files` must have all of them."""
        return [TEACHERS_FILE.sub(lambda match: str(files[match[1]]), one) for one in self.overrides]


@dataclass(frozen=True)
class Plan:
    """What is trained over one config: the teachers by name, each after those that it names, then the arms.

    against: by comparison the arms that its others are compared with.
    """

    config: str
    overrides: Overrides
    teachers: Mapping[str, Arm]
    arms: tuple[Arm, ...]
    against: Mapping[str, tuple[str, ...]]

    def of(self, comparison: str) -> list[Arm]:
        """The arms of a comparison."""
        return [arm for arm in self.arms if arm.comparison == comparison]

    @property
    def comparisons(self) -> list[str]:
        return list(dict.fromkeys(arm.comparison for arm in self.arms))

    def only(self, comparisons: Sequence[str] = (), arms: Sequence[str] = ()) -> "Plan":
        """The plan with these comparisons and arms alone, all where none are named, and the teachers that they need.

        Of the arms that others are compared with only those that are left count; without any it is the first that is.
        Raises ConfigError for a name that the plan doesn't have.
        """
        names = list(dict.fromkeys(arm.name for arm in self.arms))
        for option, asked, known in (("--only", comparisons, self.comparisons), ("--arms", arms, names)):
            for name in asked:
                if name not in known:
                    raise ConfigError(f"{option}: {unknown(name, known)}")
        left = [arm for arm in self.arms if not comparisons or arm.comparison in comparisons]
        return self._with([arm for arm in left if not arms or arm.name in arms])

    def _with(self, arms: Sequence[Arm]) -> "Plan":
        needed = set().union(*(arm.teachers for arm in arms))
        for name, teacher in reversed(list(self.teachers.items())):
            needed |= teacher.teachers if name in needed else set()
        teachers = {name: one for name, one in self.teachers.items() if name in needed}
        own = {one: [arm.name for arm in arms if arm.comparison == one] for one in self.against}
        against = {
            one: tuple(name for name in others if name in own[one]) or tuple(own[one][:1])
            for one, others in self.against.items()
        }
        return replace(self, arms=tuple(arms), teachers=teachers, against=against)


def read_plan(path: Path) -> Plan:
    """The plan in the file. Raises ConfigError, which has all problems of its form at once."""
    try:
        content = parse_yaml(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"The plan {path} can't be read: {error}.") from error
    except YamlError as error:
        raise ConfigError(f"{path}, {error}") from error
    try:
        file = PlanFile.model_validate(content)
    except ValidationError as error:
        raise ConfigError.listing(str(path), schema_problems(error, PlanFile)) from error
    if problems := [*_unknown_teachers(file), *_unknown_arms(file)]:
        raise ConfigError.listing(str(path), problems)
    teachers = {name: Arm(f"teacher {name}", "trained", f"teacher_{name}", own) for name, own in file.teachers.items()}
    arms = [
        Arm(name, arm, name if one.folder is None else one.folder, (*one.set, *own))
        for name, one in file.comparisons.items()
        for arm, own in one.arms.items()
    ]
    against = {name: one.against or (next(iter(one.arms)),) for name, one in file.comparisons.items()}
    return Plan(file.config, file.set, teachers, tuple(arms), against)


def _unknown_arms(file: PlanFile) -> Iterator[Problem]:
    """Names in `against` that are no arms of the comparison."""
    for name, one in file.comparisons.items():
        for arm in one.against:
            if arm not in one.arms:
                yield Problem(f"comparisons.{name}.against", Kind.UNKNOWN, unknown(arm, one.arms), arm)


def _unknown_teachers(file: PlanFile) -> Iterator[Problem]:
    """Names in braces that aren't those of teachers which the plan trains before."""
    before: list[str] = []
    yield from _unknown("set", file.set, before)
    for name, own in file.teachers.items():
        yield from _unknown(f"teachers.{name}", own, before)
        before.append(name)
    for name, one in file.comparisons.items():
        yield from _unknown(f"comparisons.{name}.set", one.set, before)
        for arm, own in one.arms.items():
            yield from _unknown(f"comparisons.{name}.arms.{arm}", own, before)


def _unknown(key: str, overrides: Overrides, teachers: Sequence[str]) -> Iterator[Problem]:
    for override in overrides:
        for name in TEACHERS_FILE.findall(override):
            if name not in teachers:
                known = unknown(name, teachers) if teachers else "there is none."
                text = f"{override} needs a teacher {{{name}}} that the plan trains before: {known}"
                yield Problem(key, Kind.UNKNOWN, text, name)
