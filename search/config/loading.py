"""Reading a config whole, before any work begins, and saying clearly what is wrong with it."""

from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from search.config.messages import cut, mistakes, shown
from search.config.schema import Config, TrainingConfig
from search.config.strict_yaml import YamlError, parse_yaml
from spaces.lookup import did_you_mean

__all__ = [
    "Config",
    "ConfigError",
    "TrainingConfig",
    "changed_keys",
    "config_text",
    "load_config",
    "preset_names",
]

LONGEST_OVERRIDE, SHOWN_OVERRIDES = 40, 3
"""How many characters of a --set, and how many of them, stand in a message: the mistake is what is to be read."""

CHANGEABLE = (
    "data.root",  # that the images are the same is checked by their annotations
    "data.download",
    "data.test",
    "data.memory_limit_mb",
    "device",
    "search.trials",
    "search.workers",
    "search.address",
    "retrain",
    "train",
)
"""What a run may be taken up again with: none of it changes what its finished trials mean."""


class ConfigError(ValueError):
    """A config that can't be read, or asks for what doesn't exist. The message names every key with its mistake."""


def load_config(source: str | Path, overrides: Sequence[str] = ()) -> Config:
    """Read the config in the file or preset `source`, with `overrides` such as "search.trials=50" laid over it.

    Raises ConfigError, whose message lists all mistakes at once.
    """
    label, text = _read(source)
    try:
        content = parse_yaml(text)
    except YamlError as error:
        raise ConfigError(f"{label}, {error}") from error
    if not isinstance(content, dict):
        raise ConfigError(f"{label} holds {shown(content)}; a config is a mapping of keys such as name, data, search.")
    for override in overrides:
        _lay_over(content, override)
    return _validated(content, label, tuple(overrides))


def preset_names() -> list[str]:
    """The names of the configs that come with the package."""
    files = resources.files("search.config.presets").iterdir()
    return sorted(file.name.removesuffix(".yaml") for file in files if file.name.endswith(".yaml"))


def config_text(config: Config) -> str:
    """The whole config as YAML, defaults included: reading it gives an equal config."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False)


def changed_keys(old: Config, new: Config) -> dict[str, tuple[object, object]]:
    """The dotted keys that differ, with both values, apart from those that may change when a run is taken up again."""
    before, after = _flat(old.model_dump(mode="json")), _flat(new.model_dump(mode="json"))
    differing = sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key))
    fixed = [key for key in differing if not any(key == one or key.startswith(f"{one}.") for one in CHANGEABLE)]
    return {key: (before.get(key), after.get(key)) for key in fixed}


def _read(source: str | Path) -> tuple[str, str]:
    name = str(source)
    if name in preset_names():
        return f"preset {name}", resources.files("search.config.presets").joinpath(f"{name}.yaml").read_text("utf-8")
    path = Path(source)
    if not path.is_file():
        presets = preset_names()
        raise ConfigError(
            f"There is no config file {name} and no preset of that name.{did_you_mean(name, presets)} "
            f"Presets: {', '.join(presets)}."
        )
    try:
        return name, path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{name} can't be read as UTF-8 text: {error}.") from error


def _lay_over(content: dict[str, Any], override: str) -> None:
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
            raise ConfigError(f"{named}: {'.'.join(parts[:depth])} is {shown(section)}, which has no keys.")
    section[parts[-1]] = value


def _validated(content: dict[str, Any], label: str, overrides: tuple[str, ...]) -> Config:
    from search.config.checks import problems  # here, so that reading a config costs no import of torch until it must

    try:
        config = Config.model_validate(content)
    except ValidationError as error:
        raise ConfigError(_message(label, overrides, mistakes(error))) from error
    found = problems(config)
    if found:
        raise ConfigError(_message(label, overrides, [f"{key}: {text}" for key, text in found]))
    return config


def with_section(config: Config, name: str, section: dict[str, Any], source: str) -> Config:
    """The config with another section, checked whole. Raises ConfigError that names the `source` of the section."""
    return _validated({**config.model_dump(exclude_unset=True), name: section}, source, ())


def _message(label: str, overrides: tuple[str, ...], found: Sequence[str]) -> str:
    named = "".join(f" --set {cut(one, LONGEST_OVERRIDE)}" for one in overrides[:SHOWN_OVERRIDES])
    more = f" and {len(overrides) - SHOWN_OVERRIDES} more" if len(overrides) > SHOWN_OVERRIDES else ""
    where = f"{label} with{named}{more}" if overrides else label
    if len(found) == 1:
        return f"{where}: {found[0]}"
    return "\n  ".join([f"{where}: {len(found)} mistakes", *found])


def _flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, dict) and value:
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat
