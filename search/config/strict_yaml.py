"""Reads YAML strictly: only plain values, no repeated keys, and errors that name the line."""

from typing import Any

import yaml


class YamlError(ValueError):
    """Text that is no YAML, or repeats a key. The message starts with the line."""


class _StrictLoader(yaml.SafeLoader):
    """Refuses a repeated key, where PyYAML silently takes the last one."""


def _mapping(loader: _StrictLoader, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: dict[Any, int] = {}
    for key_node, _ in node.value:
        if key_node.tag == "tag:yaml.org,2002:merge":  # `<<: *anchor`: the mapping's own keys win over these
            continue
        key = loader.construct_object(key_node, deep=True)
        line = key_node.start_mark.line + 1
        if not isinstance(key, str | int | float | bool | None):
            raise YamlError(f"line {line}: a key is {key!r}; keys are plain words.")
        if key in seen:
            raise YamlError(f"line {line}: the key {key!r} stands here and in line {seen[key]}. Keep one of them.")
        seen[key] = line
    return loader.construct_mapping(node, deep=True)


_StrictLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def parse_yaml(text: str) -> Any:
    """The value in a YAML text. Raises YamlError."""
    try:
        return yaml.load(text, _StrictLoader)  # noqa: S506 - a SafeLoader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "somewhere"
        raise YamlError(f"{where}: {error.problem or error.context}.") from error
    except yaml.YAMLError as error:
        raise YamlError(f"{error}.") from error
