"""Training one fixed detector: a teacher, or a candidate that is retrained. The same code for both."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from torch import Tensor, nn

from spaces.candidate import Candidate
from spaces.layers.binary_unit import Binary
from trainers.data.batches import Batch
from trainers.data.decoded import Decoded
from trainers.devices import to_device
from trainers.distill import Distiller
from trainers.progress import Progress
from trainers.training.loop import Task, train
from trainers.training.recalibrate import recalibrate
from trainers.training.searched_signs import searches, set_inputs_only
from trainers.training.settings import TrainSettings


def train_detector(
    network: nn.Module,
    data: Decoded,
    settings: TrainSettings,
    *,
    seed: int,
    stage: str,
    candidate: Candidate | None = None,
    distiller: Distiller | None = None,
    inputs_first_epochs: int = 0,
    described_as: Mapping[str, object] | None = None,
    resume_from: Path | None = None,
    progress: Progress | None = None,
) -> None:
    """Train `network` on detection losses and, with a distiller, on the candidate's own terms; in place.

    With `inputs_first_epochs` it is trained in two stages, as ReActNet's published training code does: so many epochs
    with binary inputs and real weights, then `settings.epochs` with both binary; each stage has its own warm-up and
    cosine. A network without 1-bit units has one stage. The training resumes from the state in `resume_from` if that
    has the same settings and `described_as`. Raises DivergedError when a loss isn't finite.
    """
    modules = nn.ModuleDict({"network": network})
    if distiller is not None:
        modules["distiller"] = distiller

    def step_losses(batch: Batch, epoch: int, step: int) -> dict[str, Tensor]:
        images, targets = batch
        if distiller is None or candidate is None:
            return dict(network(images, targets).losses)
        return distiller.step(network, candidate, images, targets)

    def run(name: str, epochs: int, state_file: Path | None, keep_end: bool) -> None:
        task = Task(
            stage=name,
            seed=seed,
            described_as={"inputs_first_epochs": inputs_first_epochs, **(described_as or {})},
            resume_from=state_file,
            keep_end=keep_end,
        )
        train(modules, step_losses, data, replace(settings, epochs=epochs), task, progress)

    if inputs_first_epochs and any(isinstance(module, Binary) for module in network.modules()):
        set_inputs_only(network, True)
        try:
            # The end of this stage is saved, so that a training killed in the second stage resumes there.
            run(f"{stage}, inputs", inputs_first_epochs, _inputs_file(resume_from) if resume_from else None, True)
        finally:
            set_inputs_only(network, False)
    run(stage, settings.epochs, resume_from, False)
    if any(search.relaxation == "soft" for search in searches(network)):  # its BatchNorms have never seen the signs
        order = data.batches(min(settings.batch_size, len(data)), seed=seed, epoch=0, augment=False)
        device = next(network.parameters()).device
        recalibrate(network, (to_device(batch, device)[0] for batch in order))


def unfinished_files(resume_from: Path) -> tuple[Path, ...]:
    """All files of unfinished states that `train_detector` may leave for this `resume_from`."""
    return resume_from, _inputs_file(resume_from)


def _inputs_file(resume_from: Path) -> Path:
    return resume_from.with_name(f"{resume_from.stem}-inputs{resume_from.suffix}")
