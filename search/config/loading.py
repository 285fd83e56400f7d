"""Reading a config and checking it whole, before any work begins; and comparing two configs."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import yaml
from pydantic import ValidationError

from search.config.messages import cut, schema_problems, yaml_text
from search.config.preset_files import preset_names, preset_text
from search.config.problems import Problem
from search.config.schema import Config
from search.config.strict_yaml import YamlError, parse_yaml
from spaces.lookup import did_you_mean

LONGEST_OVERRIDE, MOST_OVERRIDES = 40, 3
"""A message names so many of the --set options, each cut to so many characters, so that the problem stands out."""

CHANGEABLE = (
    "data.annotations",
    "data.images",
    "data.follow_links",
    "data.root",  # that the images are the same is checked by their digests
    "data.download",
    "data.test",
    "data.memory_limit_mb",
    "data.beyond_memory",
    "data.cache",
    "data.loader_workers",
    "device",
    "scoring.timeout",
    "tensorboard",
    "training",
    "search.trials",
    "search.latency_table",  # that it has the same content is checked against the run's copy
    "search.workers",
    "search.address",
    "search.resources",
    "search.storage",  # that it has the run's study is checked when it is opened
    "retrain",
    "train",
    "pretrain",  # its result has its own settings beside it
)
"""The keys that may change when a run is resumed: none of them changes the meaning of its finished trials."""


class ConfigError(ValueError):
    """A config that can't be read, or asks for something that doesn't exist.

    The message has every problem with its key. `problems` has them one by one, where the file could be read.
    """

    def __init__(self, message: str, problems: Sequence[Problem] = ()) -> None:
        super().__init__(message)
        self.problems = tuple(problems)

    @classmethod
    def listing(cls, source: str, problems: Sequence[Problem]) -> Self:
        """The error of a file, or of what else the config came from, with a line for each problem."""
        if len(problems) == 1:
            return cls(f"{source}: {problems[0]}", problems)
        return cls("\n  ".join([f"{source}: {len(problems)} mistakes", *map(str, problems)]), problems)


def load_config(source: str | Path, overrides: Sequence[str] = ()) -> Config:
    """Read the config in the file or preset `source`, with `overrides` such as "search.trials=50" in it.

    Raises ConfigError, which has all problems at once.
    """
    label, text = _read(source)
    try:
        content = parse_yaml(text)
    except YamlError as error:
        raise ConfigError(f"{label}, {error}") from error
    if not isinstance(content, dict):
        raise ConfigError(
            f"{label} holds {yaml_text(content)}; a config is a mapping of keys such as name, data, search."
        )
    for override in overrides:
        _set(content, override)
    return _checked(content, _source_text(label, overrides))


def config_text(config: Config) -> str:
    """The whole config as YAML, defaults included: reading it gives an equal config."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False)


def changed_keys(old: Config, new: Config) -> dict[str, tuple[object, object]]:
    """The dotted keys that differ, with both values, apart from those that may change when a run is resumed."""
    before, after = _flat(old.model_dump(mode="json")), _flat(new.model_dump(mode="json"))
    differing = sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key))
    fixed = [key for key in differing if not any(key == one or key.startswith(f"{one}.") for one in CHANGEABLE)]
    return {key: (before.get(key), after.get(key)) for key in fixed}


def _read(source: str | Path) -> tuple[str, str]:
    name = str(source)
    if name in preset_names():
        return f"preset {name}", preset_text(name)
    path = Path(source)
    if not path.is_file():
        if beside := _with_other_ending(path):
            raise ConfigError(f"There is no config file {name}. Did you mean {beside}, which lies beside it?")
        presets = preset_names()
        raise ConfigError(
            f"There is no config file {name} and no preset of that name.{did_you_mean(name, presets)} "
            f"Presets: {', '.join(presets)}. What each is: bitfront presets."
        )
    try:
        return name, path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{name} can't be read as UTF-8 text: {error}.") from error


def _with_other_ending(path: Path) -> Path | None:
    """The file of the same name that ends in YAML's other way, or with one of the two where `path` has no ending."""
    endings = {".yml": (".yaml",), ".yaml": (".yml",), "": (".yaml", ".yml")}.get(path.suffix, ())
    there = (path.with_name(f"{path.stem}{ending}") for ending in endings if path.name)
    return next(filter(Path.is_file, there), None)


def _set(content: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    named = f"--set {cut(override, LONGEST_OVERRIDE)}"
    parts = key.strip().split(".")
    if not equals or not all(parts):
        raise ConfigError(f"{named}: must have the form key=value with a dotted key, such as search.trials=50.")
    try:
        value = parse_yaml(text)
    except YamlError as error:
        raise ConfigError(f"{named}: the value is no YAML, {error}") from error
    section = content
    for depth, part in enumerate(parts[:-1], 1):
        if section.get(part) is None:
            section[part] = {}
        section = section[part]
        if not isinstance(section, dict):
            raise ConfigError(f"{named}: {'.'.join(parts[:depth])} is {yaml_text(section)}, which has no keys.")
    section[parts[-1]] = value


def with_section(config: Config, name: str, section: dict[str, Any], source: str) -> Config:
    """The config with another section, checked whole. Raises ConfigError that names the `source` of the section."""
    return _checked({**config.model_dump(exclude_unset=True), name: section}, source)


def _checked(content: dict[str, Any], source: str) -> Config:
    try:
        config = Config.model_validate(content)
    except ValidationError as error:
        raise ConfigError.listing(source, schema_problems(error, Config)) from error

    # Here, since they import torch, which takes seconds: a file or key that doesn't exist is reported at once.
    from search.config.before import with_single_layers
    from search.config.checks import problems
    from search.config.term_weights import with_default_weights

    if terms := with_default_weights(config.space.terms):
        space = config.space.model_copy(update={"terms": terms})
        config = config.model_copy(update={"space": space})
    if wrong := problems(config):
        raise ConfigError.listing(source, wrong)
    return with_single_layers(config)


def _source_text(label: str, overrides: Sequence[str]) -> str:
    """The file or preset, and the options that change it."""
    if not overrides:
        return label
    first = "".join(f" --set {cut(one, LONGEST_OVERRIDE)}" for one in overrides[:MOST_OVERRIDES])
    more = f" and {len(overrides) - MOST_OVERRIDES} more" if len(overrides) > MOST_OVERRIDES else ""
    return f"{label} with{first}{more}"


def _flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, dict) and value:
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat
