"""The run folder: where everything a search makes lies, and the record of what made it."""

import importlib.metadata
import json
import os
import platform
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from results import layout
from search.config import Config, changed_keys, load_config
from search.errors import RunError
from search.run.lock import LOCK_TEXT
from search.run.tensorboard import ScalarsProgress
from search.run.training_log import LoggedProgress
from trainers.data.shapes.whole_folder import SETTINGS_FILE
from trainers.progress import Progress
from trainers.whole_files import write_whole

PACKAGES = ("bitfront", "torch", "torchvision", "numpy", "optuna", "ray", "pandas", "pycocotools")


@dataclass(frozen=True)
class RunFolder:
    """Paths inside `runs/<name>`."""

    path: Path

    @property
    def config(self) -> Path:
        return self.path / layout.CONFIG

    @property
    def data(self) -> Path:
        """Generated data; data of the user's stay where they are."""
        return self.path / layout.DATA

    @property
    def image_cache(self) -> Path:
        """Resized images of sets that don't fit into memory, unless the config names another folder."""
        return self.path / layout.IMAGE_CACHE

    def teacher(self, name: str) -> Path:
        return self.path / layout.TEACHERS / f"{name}.safetensors"

    @property
    def supernet(self) -> Path:
        return self.path / layout.SUPERNET

    @contextmanager
    def logged(self, progress: Progress, *, tensorboard: bool) -> Iterator[Progress]:
        """The progress, with every epoch's figures kept in `training.jsonl` besides, and for TensorBoard if wanted."""
        log = LoggedProgress(progress, self.path / layout.TRAINING_LOG)
        if not tensorboard:
            yield log
            return
        scalars = ScalarsProgress(log, self.path)
        yield scalars
        scalars.write_missing()  # the figures that were measured after the last training

    def training_state(self, stage: str) -> Path:
        """What an unfinished training goes on from; gone when it is finished."""
        return self.path / layout.UNFINISHED / f"{stage}.pt"

    def results(self) -> list[Path]:
        """What was trained or scored here."""
        folders = (layout.TEACHERS, layout.UNFINISHED, layout.TRAINED, layout.RETRAINED)
        patterns = (*(f"{folder}/*" for folder in folders), layout.JOURNAL, layout.SUPERNET)
        return [file for pattern in patterns for file in self.path.glob(pattern)]

    @property
    def begun(self) -> bool:
        """Whether something was trained or scored here, which another config would not fit."""
        return bool(self.results())

    def make_run_id(self) -> str:
        """A name that no other run has, for a record among those of other runs. The first call makes it."""
        file = self.path / layout.RUN_ID
        if not file.is_file():
            write_whole(file, uuid.uuid4().hex.encode())
        return file.read_text().strip()

    def begin(self, config: str) -> None:
        """Write down with which config, as YAML, and on which machine the run is begun, or gone on with."""
        write_whole(self.config, config.encode())
        write_whole(self.path / layout.ENVIRONMENT, json.dumps(environment(), indent=2).encode())

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Add the seconds spent inside to `seconds.json`, also after an error.

        The seconds of a start that is killed inside are lost.
        """
        started = time.monotonic()
        try:
            yield
        except BaseException:
            with suppress(OSError):  # a full disk, which may be the error itself
                self.add_seconds(stage, time.monotonic() - started)
            raise
        self.add_seconds(stage, time.monotonic() - started)

    def add_seconds(self, stage: str, seconds: float) -> None:
        """Add to what a stage took over all starts of the run."""
        file = self.path / layout.SECONDS
        spent = read_json(file) if file.is_file() else {}
        before = spent.get(stage, 0.0)
        if not isinstance(before, int | float):
            raise RunError(f"{file} has {before!r} for {stage}, no number. Delete it; it is made again.")
        spent[stage] = round(before + seconds, 1)
        write_whole(file, json.dumps(spent, indent=2).encode())


def default_folder(name: str) -> Path:
    """Where a run lies that was given no folder: `runs/<name>` below the working directory."""
    return Path("runs", name)


def check_run_folder(path: Path, config: Config, command: str = "search") -> None:
    """Raise RunError when `path` can't be the folder of a search with this config; nothing is written.

    A run in which nothing was trained yet may be started again with any config: the first one may have been wrong.
    """
    folder = RunFolder(path.resolve())
    if path.exists() and not path.is_dir():
        raise RunError(f"{path} is a file; a run needs a folder. Give another --run-dir.")
    if folder.config.is_file():
        if folder.begun:
            _refuse_changes(folder, changed_keys(load_config(folder.config), config), command)
    elif path.is_dir() and any(_is_foreign(child) for child in path.iterdir()):
        raise RunError(
            f"{path} is not empty and holds no config.yaml, so it is no run of Bitfront. Give another --run-dir."
        )


def read_json(file: Path) -> dict[str, Any]:
    """A file that a run keeps for itself. Raises RunError when it is damaged."""
    try:
        content = json.loads(file.read_text("utf-8"))
    except (ValueError, OSError) as error:
        raise RunError(f"{file} can't be read ({error}). Delete it; it is made again where it can be.") from error
    if not isinstance(content, dict):
        raise RunError(f"{file} holds a {type(content).__name__}, no mapping. Delete it; it is made again.")
    return content


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


def _is_foreign(child: Path) -> bool:
    """Whether something else than a start that wrote no config yet left this.

    Such a start leaves a lock that is empty or names a process, generated images, and halves of these and the config,
    resized images, and the digests of pictures that it read.
    """
    name = child.name
    if name == layout.IMAGE_CACHE:
        return not child.is_dir()
    if name in (layout.DATA, layout.PICTURES):
        return not (child / SETTINGS_FILE).is_file()
    if name == layout.PICTURES_READ:
        return not child.is_file()
    begun = (layout.DATA, layout.PICTURES, layout.PICTURES_READ, layout.IMAGE_CACHE, layout.CONFIG)
    if name.startswith(tuple(f".{one}." for one in begun)) and name.endswith((".unfinished", ".part")):
        return False
    if name != layout.LOCK or not child.is_file():
        return True
    return child.stat().st_size > 0 and not child.read_bytes().startswith(LOCK_TEXT.encode())


def _refuse_changes(folder: RunFolder, changed: Mapping[str, tuple[object, object]], command: str) -> None:
    if changed:
        listed = "; ".join(f"{key} is {there!r} there, {asked!r} here" for key, (there, asked) in changed.items())
        raise RunError(
            f"{folder.path} holds a run of another config: {listed}. "
            f"Give another --run-dir, or go on with: bitfront {command} {folder.config} --run-dir {folder.path}"
        )
