"""Evaluation by several processes against one: the same figures, whatever each process's share."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from several_processes import in_processes
from torch import nn

from trainers.data.decoded import Decoded
from trainers.inference import detect, score_metrics
from trainers.training.detector import train_detector
from trainers.training.loop import Task
from trainers.training.processes import Processes
from trainers.training.settings import TrainSettings
from trainers.training.shared_scoring import score_shared


@dataclass
class Found:
    detections: list


class Finder(nn.Module):
    """Finds the bright square of each image, whose class it mistakes in some; its scores are those of a BatchNorm."""

    detections_per_image = 100

    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(3)
        self.bn.running_mean.copy_(torch.tensor([0.1, 0.2, 0.3]))

    def forward(self, images):
        scores = self.bn(torch.stack(images)).mean((1, 2, 3)).sigmoid()
        return Found([self._found(image, score) for image, score in zip(images, scores, strict=True)])

    @staticmethod
    def _found(image, score):
        channel, rows, columns = (image > 0.8).nonzero().unbind(1)
        box = torch.stack([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]).float()
        label = channel[:1] + 1 if rows.min() % 3 else channel[:1] % 2 + 1
        other = box + torch.tensor([0.0, 0, 1, 1]) * (label == 2)  # two boxes in some images, one in others
        boxes = torch.stack([box, other])[: 1 + int(label == 2)]
        return {"boxes": boxes, "scores": score.expand(len(boxes)), "labels": label.expand(len(boxes))}


@pytest.mark.parametrize(("count", "images", "shares"), [(2, 70, [32, 38]), (4, 70, [0, 32, 32, 6]), (3, 2, [0, 0, 2])])
def test_figures_are_those_of_one_process(count, images, shares, blobs, tmp_path):
    """Batches of 32 stay whole. All take the first one's network, and statistics stay as they are."""
    data, one = blobs(images), Finder()

    def work():
        processes, network = Processes.of_this_training(), Finder()
        network.bn.running_mean.add_(processes.rank)
        figures = score_shared(network, data, processes)
        state = {name: value.numpy() for name, value in network.state_dict().items()}
        return figures, len(detect(network, data, part=processes.part)), network.training, state

    alone = score_metrics(one, data)
    assert images < 3 or 0.1 < alone["map50"] < 0.9
    found = in_processes(count, work, tmp_path)
    assert [figures for figures, *_ in found] == [alone] * count
    assert [share for _, share, _, _ in found] == shares
    for _, _, training, state in found:
        assert training
        for name, value in one.state_dict().items():
            np.testing.assert_array_equal(state[name], value.numpy())


def test_parts_of_a_detector_are_what_it_finds_alone(lively, fixed, blobs, monkeypatch):
    """To the bit, because batches aren't cut; and each image is asked by its own place what counts of it."""
    monkeypatch.setattr(Decoded, "detected", lambda _, index, found: {**found, "place": found["labels"] * 0 + index})
    network, data = lively(fixed("sign")), blobs(5)
    whole = detect(network, data, batch_size=2)
    parts = [one for rank in range(2) for one in detect(network, data, 2, (rank, 2))]
    assert len(whole) == len(parts) == 5
    for one, other in zip(whole, parts, strict=True):
        assert {name: value.tobytes() for name, value in one.items()} == {
            name: value.tobytes() for name, value in other.items()
        }
    assert [one["place"][0] for one in parts] == [0, 1, 2, 3, 4]
    assert max(len(one["scores"]) for one in whole) > 10


def test_a_training_is_validated_by_all_and_goes_on_as_if_it_were_not(fixed, blobs, tmp_path):
    """With statistics of each process, the first one's are measured; afterwards each has its own again."""

    def trained(validate_every):
        def work():
            network = fixed("sign")
            task = Task(stage="t", seed=0, val=blobs(40, seed=1), batch_norm="per_process")
            settings = TrainSettings(epochs=2, batch_size=4, validate_every=validate_every)
            found = train_detector(network, blobs(4), settings, task)
            figures = None if found is None else (found.figures, score_metrics(network, task.val))
            return figures, {name: value.numpy() for name, value in network.state_dict().items()}

        return in_processes(2, work, tmp_path)

    (first, state), (second, other) = trained(1)
    assert first[0] == second[0]
    assert first[0][2] == first[1]
    alone = trained(None)
    for validated, plain in ((state, alone[0][1]), (other, alone[1][1])):
        assert [name for name, value in plain.items() if not np.array_equal(value, validated[name])] == []
    assert [name for name in state if not np.array_equal(state[name], other[name])] != []
