"""What the figures of a report don't say: subsets, seeds, rungs, and what was never measured."""

from __future__ import annotations

from typing import Any

from results import layout
from results.report.config import read_config, setting
from results.report.section import Section
from results.run import Run

ID, TITLE = "limits", "What this report can't say"


def limits_section(run: Run) -> Section:
    """Always there: its lines follow from the config and from the files that a run lacks."""
    config = read_config(run.path)
    return Section(ID, TITLE, lines=[*_scores(run, config), *_trained(run, config), *_never()], template="limits")


def _scores(run: Run, config: dict[str, Any]) -> list[str]:
    images, seed, generated = (setting(config, one) for one in ("data.val_images", "seed", "data.shapes.val"))
    subset = f"a class-balanced part of {images}" if images else "all"
    if not images and setting(config, "data.format") == "shapes":
        subset = f"all {generated} generated"
    name = setting(config, "data.val") or "the validation set"
    seeded = "" if seed is None else f", with seed {seed}"
    lines = [
        f"A candidate's accuracy is a score: the supernet's weights, {_adapted(run, config)}, on {subset} images of "
        f"{name}. A trained network has another accuracy; scores are only meant to order candidates.",
        "The front is chosen by the same scores that it shows, so its members look better than they are. Compare by "
        "the model of all scores to see how much of it was luck.",
        "Standard errors are those of a linear model of the scores. They have no spread over seeds of the search, of "
        "the supernet or of the images in them.",
        f"There was one search and one supernet{seeded}. No figure says how another seed would end.",
    ]
    if len(run.rungs) > 1:
        listed = ", ".join(map(str, run.rungs))
        lines.append(
            f"The front is that of rung {run.rung}. Scores of different rungs ({listed}) aren't compared, and only "
            "the candidates that were best at a lower rung have one at a higher."
        )
    return lines


def _adapted(run: Run, config: dict[str, Any]) -> str:
    rungs, steps = setting(config, "scoring.rungs"), setting(config, "scoring.adapt_steps")
    if isinstance(rungs, list) and len(rungs) > run.rung and isinstance(rungs[run.rung], dict):
        steps = rungs[run.rung].get("adapt_steps")
    return f"adapted for {steps} steps" if steps else "not adapted" if steps == 0 else "adapted for a few steps"


def _trained(run: Run, config: dict[str, Any]) -> list[str]:
    lines = []
    if not (run.path / f"{layout.FIDELITY}.json").is_file():
        lines.append(
            "How well scores order candidates as full training does was not measured in this run "
            f"(bitfront fidelity {run.path.name})."
        )
    if not (run.path / f"{layout.RIVALS}.json").is_file():
        lines.append(
            "The front was not compared with networks that a person would build by hand "
            f"(bitfront compare {run.path.name} --rivals)."
        )
    retrained = run.path / layout.RETRAINED
    if retrained.is_dir() and any(retrained.iterdir()):
        epochs = setting(config, "retrain.epochs")
        of_epochs = f", of {epochs} epochs unless their settings say otherwise" if epochs else ""
        lines.append(
            f"Retrained detectors are single trainings{of_epochs}: differences of one or two points may be the seed's."
        )
    else:
        lines.append("No candidate was retrained, so no accuracy here is that of a finished detector.")
    return lines


def _never() -> list[str]:
    return [
        "Costs are counted from shapes and bits. No figure here is a time, an energy or a memory that was measured on "
        "a device; seconds are those of this machine while it searched.",
        "Detections on ten images illustrate; they measure nothing.",
    ]
