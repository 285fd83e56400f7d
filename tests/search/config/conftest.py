"""The least config that is right, and what loading one with a mistake reports."""

from collections.abc import Callable
from pathlib import Path

import pytest

from search.config import ConfigError, Kind, load_config

LEAST = "name: a\ndata: {format: shapes}\nstudent: {detector: ssd_resnet18}\n"


@pytest.fixture
def least() -> str:
    return LEAST


@pytest.fixture
def written(tmp_path: Path) -> Callable[[str], Path]:
    """Writes a config's text to search.yaml; returns the file."""

    def write(text: str) -> Path:
        path = tmp_path / "search.yaml"
        path.write_text(text)
        return path

    return write


@pytest.fixture
def refusal() -> Callable[..., ConfigError]:
    """Loads a config that is wrong; returns what was raised."""

    def load(source: str | Path, *overrides: str) -> ConfigError:
        with pytest.raises(ConfigError) as caught:
            load_config(source, list(overrides))
        return caught.value

    return load


@pytest.fixture
def problems(refusal: Callable[..., ConfigError]) -> Callable[..., list[tuple[str, Kind, object]]]:
    """Key, kind and value of each problem of a config that is wrong."""

    def of(source: str | Path, *overrides: str) -> list[tuple[str, Kind, object]]:
        return [(one.key, one.kind, one.value) for one in refusal(source, *overrides).problems]

    return of
