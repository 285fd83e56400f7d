"""What a plan of comparisons is, and reading one: a YAML file whose form is checked whole."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from search.config import ConfigError
from search.config.names import unknown
from search.config.strict_yaml import YamlError, parse_yaml

KEYS = ("config", "set", "teachers", "comparisons")
COMPARISON_KEYS = ("set", "folder", "arms")
A_TEACHERS_FILE = re.compile(r"\{([^{}:,\s]+)\}")
"""A name in braces; a mapping within an override has a colon."""


@dataclass(frozen=True)
class Arm:
    """One network, trained once a seed in `runs/<folder>_seed<seed>`; `overrides` are its own, KEY=VALUE."""

    comparison: str
    name: str
    folder: str
    overrides: tuple[str, ...]

    @property
    def label(self) -> str:
        return f"{self.comparison}, {self.name}"

    @property
    def teachers(self) -> set[str]:
        """The teachers whose files its overrides name."""
        return {name for override in self.overrides for name in A_TEACHERS_FILE.findall(override)}

    def placed(self, files: Mapping[str, Path]) -> list[str]:
        """Its overrides with the teachers' files in the places of their names; all must be there."""
        return [A_TEACHERS_FILE.sub(lambda match: str(files[match[1]]), one) for one in self.overrides]


@dataclass(frozen=True)
class Plan:
    """What is trained over one config: the teachers by name, each after those that it names, then the arms."""

    config: str
    overrides: tuple[str, ...]
    teachers: Mapping[str, Arm]
    arms: tuple[Arm, ...]

    @property
    def comparisons(self) -> list[str]:
        return list(dict.fromkeys(arm.comparison for arm in self.arms))

    def of(self, names: Sequence[str]) -> "Plan":
        """The plan with these comparisons alone, and the teachers that they need. Raises ConfigError."""
        for name in names:
            if name not in self.comparisons:
                raise ConfigError(f"--only: {unknown(name, self.comparisons)}")
        arms = tuple(arm for arm in self.arms if arm.comparison in names)
        needed = set().union(*(arm.teachers for arm in arms))
        for name, teacher in reversed(self.teachers.items()):
            needed |= teacher.teachers if name in needed else set()
        return replace(self, arms=arms, teachers={name: one for name, one in self.teachers.items() if name in needed})

    def check(self, seeds: Sequence[int], overrides: Sequence[str], data: str | None, place: Path) -> None:
        """Raise ConfigError unless all of it can be trained: see `plan_check.check_plan`."""
        from plan_check import check_plan  # here, since it takes torch with it

        check_plan(self, seeds, overrides, data, place)


def read_plan(path: Path) -> Plan:
    """The plan in the file. Raises ConfigError, whose message lists all mistakes in its form at once."""
    try:
        content = parse_yaml(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"The plan {path} can't be read: {error}.") from error
    except YamlError as error:
        raise ConfigError(f"{path}, {error}") from error
    if mistakes := list(_mistakes(content)):
        counted = f" {len(mistakes)} mistakes\n  " if len(mistakes) > 1 else " "
        raise ConfigError(f"{path}:{counted}" + "\n  ".join(mistakes))
    teachers = {
        name: Arm(f"teacher {name}", "trained", f"teacher_{name}", tuple(own))
        for name, own in _entries(content.get("teachers"))
    }
    arms = [
        Arm(name, arm, one.get("folder", name), (*one.get("set", ()), *own))
        for name, one in _entries(content["comparisons"])
        for arm, own in _entries(one["arms"])
    ]
    return Plan(content["config"], tuple(content.get("set", ())), teachers, tuple(arms))


def _mistakes(plan: object) -> Iterator[str]:
    """All that is wrong with the form of a plan, and with the names in braces."""
    if not isinstance(plan, dict):
        yield f"holds {plan!r}; a plan is a mapping with config and comparisons."
        return
    yield from _keys("", plan, KEYS, ("config", "comparisons"))
    if not isinstance(plan.get("config", ""), str):
        yield f"config: is {plan['config']!r}, must be a file or the name of a preset."
    yield from _overrides("set", plan.get("set", []), ())
    known: list[str] = []
    for name, own in _entries(teachers := plan.get("teachers", {})):
        yield from _overrides(f"teachers.{name}", own, known)
        known.append(name)
    if not isinstance(teachers, dict):
        yield f"teachers: is {teachers!r}, must be a mapping of names to lists of overrides."
    for name, one in _entries(comparisons := plan.get("comparisons", {})):
        yield from _comparison(f"comparisons.{name}", one, known)
    if not isinstance(comparisons, dict) or ("comparisons" in plan and not comparisons):
        yield f"comparisons: is {comparisons!r}, must be a mapping of names to comparisons."


def _comparison(key: str, one: object, teachers: Sequence[str]) -> Iterator[str]:
    if not isinstance(one, dict):
        yield f"{key}: is {one!r}, must be a mapping with arms."
        return
    yield from _keys(f"{key}.", one, COMPARISON_KEYS, ("arms",))
    if not isinstance(folder := one.get("folder", ""), str):
        yield f"{key}.folder: is {folder!r}, must be a name."
    yield from _overrides(f"{key}.set", one.get("set", []), teachers)
    for arm, own in _entries(arms := one.get("arms", {})):
        yield from _overrides(f"{key}.arms.{arm}", own, teachers)
    if not isinstance(arms, dict) or ("arms" in one and not arms):
        yield f"{key}.arms: is {arms!r}, must be a mapping of names to lists of overrides."


def _keys(prefix: str, section: Mapping[Any, Any], known: Sequence[str], needed: Sequence[str]) -> Iterator[str]:
    for key in section:
        if key not in known:
            yield f"{prefix}{key}: {unknown(str(key), known)}"
    for key in needed:
        if key not in section:
            yield f"{prefix}{key}: is missing and has no default."


def _entries(section: object) -> list[tuple[str, Any]]:
    return [(str(name), one) for name, one in section.items()] if isinstance(section, dict) else []


def _overrides(key: str, overrides: object, teachers: Sequence[str]) -> Iterator[str]:
    if not isinstance(overrides, list) or not all(isinstance(one, str) for one in overrides):
        yield f"{key}: is {overrides!r}, must be a list of overrides such as [train.epochs=12]."
        return
    for override in overrides:
        for name in A_TEACHERS_FILE.findall(override):
            if name not in teachers:
                known = unknown(name, teachers) if teachers else "there is none."
                yield f"{key}: {override} needs a teacher {{{name}}} that the plan trains before: {known}"
