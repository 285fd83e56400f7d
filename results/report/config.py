"""The config of a run, read leniently: a report shows what is there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from results import layout


def read_config(folder: Path) -> dict[str, Any]:
    """The sections of `config.yaml`; empty where it is missing or can't be read."""
    try:
        content = yaml.safe_load((folder / layout.CONFIG).read_text("utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return {}
    return content if isinstance(content, dict) else {}


def setting(config: dict[str, Any], path: str) -> Any:
    """The value at a path such as "data.val_images"; None where there is none."""
    value: Any = config
    for key in path.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value
