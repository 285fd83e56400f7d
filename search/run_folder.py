"""The run folder: where everything a search makes lies, and the record of what made it."""

import importlib.metadata
import json
import os
import platform
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from search.config import Config, changed_keys, config_text, load_config
from search.errors import RunError
from trainers.checkpoint import write_whole

PACKAGES = ("bitfront", "torch", "torchvision", "numpy", "optuna", "ray", "pandas", "pycocotools")


@dataclass(frozen=True)
class RunFolder:
    """Paths inside `runs/<name>`."""

    path: Path

    @property
    def config(self) -> Path:
        return self.path / "config.yaml"

    @property
    def data(self) -> Path:
        """Generated data; data of the user's stay where they are."""
        return self.path / "data"

    def teacher(self, name: str) -> Path:
        return self.path / "teachers" / f"{name}.safetensors"

    @property
    def supernet(self) -> Path:
        return self.path / "supernet.safetensors"

    def training_state(self, stage: str) -> Path:
        """What an unfinished training goes on from; gone when it is finished."""
        return self.path / "unfinished" / f"{stage}.pt"

    def retrained(self, candidate_id: str) -> Path:
        return self.path / "retrained" / candidate_id

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Add the seconds spent inside to `seconds.json`, which sums up a stage over all starts of the run."""
        started = time.monotonic()
        yield
        file = self.path / "seconds.json"
        spent = json.loads(file.read_text()) if file.is_file() else {}
        spent[stage] = round(spent.get(stage, 0.0) + time.monotonic() - started, 1)
        write_whole(file, json.dumps(spent, indent=2).encode())


def open_run_folder(path: Path, config: Config) -> RunFolder:
    """Make the folder, or go on in it. Raises RunError when it belongs to a search with another config.

    What may change between starts (the number of trials, of workers, how to retrain) is taken from `config`.
    """
    folder = RunFolder(path.resolve())
    if path.exists() and not path.is_dir():
        raise RunError(f"{path} is a file; a run needs a folder. Give another --run-dir.")
    if folder.config.is_file():
        _check_same(folder, config)
    elif path.is_dir() and any(child.name != "lock" for child in path.iterdir()):
        raise RunError(
            f"{path} is not empty and holds no config.yaml, so it is no run of Bitfront. Give another --run-dir."
        )
    write_whole(folder.config, config_text(config).encode())
    write_whole(folder.path / "environment.json", json.dumps(environment(), indent=2).encode())
    return folder


def read_run_folder(path: Path) -> tuple[RunFolder, Config]:
    """An existing run and its config. Raises RunError when there is none."""
    folder = RunFolder(path.resolve())
    if not folder.config.is_file():
        raise RunError(f"{path} holds no run: there is no config.yaml in it. Start one with: bitfront search CONFIG.")
    return folder, load_config(folder.config)


def environment() -> dict[str, object]:
    """What ran: versions, processor, cores. Figures of a run mean little without it."""
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            versions[package] = "not installed"
    return {
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "cores": os.cpu_count(),
        "packages": versions,
    }


def _check_same(folder: RunFolder, config: Config) -> None:
    changed = changed_keys(load_config(folder.config), config)
    if changed:
        shown = ", ".join(changed[:5]) + (", ..." if len(changed) > 5 else "")
        raise RunError(
            f"{folder.path} holds a run of another config: {shown} differ. "
            "Give another --run-dir, or go on with the config.yaml in that folder."
        )
