"""The work of a comparison as plain data: a candidate to train, or to score once more. It needs no Ray."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

from search.config import Config
from search.errors import RunError
from search.stages.candidate_training import RETRAIN_STARTS, Start
from spaces.candidate import Candidate


@dataclass(frozen=True)
class Training:
    """A candidate, trained alone as `bitfront retrain` does and measured on the test images."""

    candidate: Candidate
    seed: int
    epochs: int
    start: Start = "supernet"

    @property
    def key(self) -> tuple[object, ...]:
        return "training", self.candidate.id, self.seed, self.epochs, self.start

    def as_plain(self) -> dict[str, Any]:
        """As JSON can hold it; `job_of` reads it."""
        return {
            "job": "training",
            "candidate": dict(self.candidate),
            "seed": self.seed,
            "epochs": self.epochs,
            "start": self.start,
        }


@dataclass(frozen=True)
class Scoring:
    """A candidate, scored at a rung. seed: 0 adapts on the images of the search's own scores, another on others."""

    candidate: Candidate
    rung: int
    seed: int = 0

    @property
    def key(self) -> tuple[object, ...]:
        return "scoring", self.candidate.id, self.rung, self.seed

    def as_plain(self) -> dict[str, Any]:
        """As JSON can hold it; `job_of` reads it."""
        return {"job": "scoring", "candidate": dict(self.candidate), "rung": self.rung, "seed": self.seed}


Job = Training | Scoring
Trains = TypeVar("Trains", bound="Trained")


def job_of(plain: Mapping[str, Any]) -> Job:
    """The job that `as_plain` gave."""
    kind, candidate = plain["job"], Candidate(plain["candidate"])
    if kind == "training":
        return Training(candidate, plain["seed"], plain["epochs"], plain["start"])
    return Scoring(candidate, plain["rung"], plain["seed"])


class Trained(Protocol):
    """Settings of trainings: how long, from which weights, with which seeds."""

    @property
    def epochs(self) -> int | None: ...
    @property
    def start(self) -> str: ...
    @property
    def seeds(self) -> tuple[int, ...]: ...


def settled(settings: Trains, config: Config) -> Trains:
    """The settings with the run's own epochs and seed where none are given. Raises RunError for what can't be."""
    return replace(  # type: ignore[type-var]  # all such settings are dataclasses
        settings,
        epochs=check_epochs(settings.epochs, config.retrain.epochs),
        start=check_start(settings.start),
        seeds=check_seeds(settings.seeds, config.seed),
    )


def trainings(settings: Trained, candidate: Candidate) -> dict[int, Training]:
    """The trainings of a candidate by seed, from settled settings."""
    epochs, start = settings.epochs or 1, check_start(settings.start)
    return {seed: Training(candidate, seed, epochs, start) for seed in settings.seeds}


def check_start(start: str) -> Start:
    """The start of this name. Raises RunError for another."""
    for one in RETRAIN_STARTS:
        if start == one:
            return one
    raise RunError(f"--start is {start!r}; allowed are {', '.join(RETRAIN_STARTS)}.")


def check_seeds(seeds: tuple[int, ...], own: int) -> tuple[int, ...]:
    """The seeds of trainings; the run's own where none is given. Raises RunError for a negative or repeated one."""
    if wrong := [seed for seed in seeds if seed < 0]:
        raise RunError(f"--seeds: {wrong[0]} is negative; a seed is 0 or more.")
    if len(set(seeds)) < len(seeds):
        raise RunError(f"--seeds: one of {', '.join(map(str, seeds))} was given twice.")
    return seeds or (own,)


def check_epochs(epochs: int | None, own: int) -> int:
    """The epochs of trainings; those of `retrain.epochs` where none are given. Raises RunError below 1."""
    if epochs is not None and epochs < 1:
        raise RunError(f"--epochs is {epochs}, must be at least 1.")
    return own if epochs is None else epochs
