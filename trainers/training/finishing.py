"""What follows the last step of a training before the network can be used."""

from torch import nn

from trainers.data.batches import TrainingData
from trainers.devices import to_device
from trainers.training.recalibrate import recalibrate
from trainers.training.searched_signs import searches
from trainers.training.settings import TrainSettings


def finish_training(network: nn.Module, data: TrainingData, settings: TrainSettings, seed: int, epochs: int) -> None:
    """Measure BatchNorm statistics anew on the training images where training has not seen these weights.

    That is so of a moving average, and of signs that were searched softly up to here, after so many of the settings'
    epochs. Others stay as they are.
    """
    progress = epochs / settings.epochs
    if settings.ema is not None or any(search.relaxed_until(progress) for search in searches(network)):
        order = data.batches(min(settings.batch_size, len(data)), seed=seed, epoch=0, augment=False)
        device = next(network.parameters()).device
        recalibrate(network, (to_device(batch, device)[0] for batch in order))
