"""The training of a classifier."""

import math

import pytest
import torch
from picture_folder import write_pictures
from several_processes import in_processes
from torch import nn

from spaces.candidate import Candidate
from spaces.classifier import build_classifier
from spaces.detectors import DetectorSpec
from trainers.data.classes.folder import find_pictures
from trainers.data.classes.pictures import Pictures
from trainers.training.classifier import distribution_loss, measure_classifier, train_classifier
from trainers.training.loop import Task
from trainers.training.processes import Processes
from trainers.training.settings import TrainSettings

SPEC = DetectorSpec(detector="ssd_resnet18", num_classes=1, image_size=96, width=0.125)


def test_the_distribution_loss_by_hand():
    student = torch.tensor([[0.0, math.log(3.0)], [0.0, 0.0]], requires_grad=True)  # 1/4 and 3/4; 1/2 and 1/2
    teacher = torch.tensor([[0.0, 0.0], [5.0, 5.0 + math.log(4.0)]])  # 1/2 and 1/2; 1/5 and 4/5
    first = -0.5 * math.log(0.25) - 0.5 * math.log(0.75)
    loss = distribution_loss(student, teacher)
    torch.testing.assert_close(loss.detach(), torch.tensor((first + math.log(2.0)) / 2))
    loss.backward()
    torch.testing.assert_close(student.grad, torch.tensor([[-0.125, 0.125], [0.15, -0.15]]))  # (p_s - p_t) / N


@pytest.fixture
def pictures(tmp_path):
    write_pictures(tmp_path, {"train": 4})
    return Pictures(find_pictures(tmp_path, "train"), 32)


def built(method, seed=0):
    torch.manual_seed(seed)
    return build_classifier(SPEC, Candidate({"layer/backbone": method}), 3)


def test_validation_between_epochs_changes_nothing_and_ends_with_the_figures(pictures, recorded_progress):
    progress, networks = recorded_progress(), [built("react"), built("react")]
    for network, every in zip(networks, (None, 2), strict=True):
        settings = TrainSettings(epochs=3, batch_size=6, ema=0.5, validate_every=every)
        train_classifier(network, pictures, settings, Task(stage="a", seed=1, val=pictures), progress=progress)
    shown = [figures for kind, *_, figures in progress.events if kind == "advance"]
    assert [sorted(figures) for figures in shown] == [["loss"]] * 4 + [["loss", "val_top1", "val_top5"]] * 2
    figures = measure_classifier(networks[0], pictures, 6)
    assert {f"val_{name}": round(value, 4) for name, value in figures.items()}.items() <= shown[-1].items()
    for one, other in zip(*(network.state_dict().values() for network in networks), strict=True):
        assert torch.equal(one, other)


def test_processes_that_share_pictures_have_the_figures_of_the_first_ones_network(pictures, tmp_path):
    """12 pictures in batches of 11: the second process, whose weights are others, has none of the last one."""
    one = measure_classifier(built("real"), pictures, 11)

    def work():
        processes = Processes.of_this_training()
        return measure_classifier(built("real", seed=processes.rank), pictures, 11, processes)

    assert one != measure_classifier(built("real", seed=1), pictures, 11)
    assert in_processes(2, work, tmp_path) == [one, one]


class Fixed(nn.Module):
    """A teacher that is sure of the second class, whatever it sees."""

    def forward(self, images):
        return torch.tensor([[0.0, 9.0, 0.0]]).expand(len(images), 3)


def test_colours_are_learnt_from_labels_and_a_teacher_is_followed_instead(pictures, recorded_progress):
    settings = TrainSettings(epochs=16, batch_size=6, learning_rate=4e-3)
    progress, network = recorded_progress(), built("react")
    train_classifier(network, pictures, settings, Task(stage="a", seed=1), inputs_first_epochs=1, progress=progress)
    assert progress.stages == [("a, inputs", 1), ("a", 16)]
    assert measure_classifier(network, pictures, 6)["top1"] > 0.8  # 11 or 12 of 12 by rounding; a third by chance
    assert network.training is False
    assert all("val_top1" not in figures for kind, *_, figures in progress.events if kind == "advance")
    follower, task = built("react"), Task(stage="b", seed=1)
    train_classifier(follower, pictures, settings, task, teacher=Fixed())
    with torch.no_grad():
        assert follower(torch.rand(4, 3, 32, 32)).argmax(1).tolist() == [1] * 4
    assert measure_classifier(follower, pictures, 5)["top1"] == pytest.approx(1 / 3)
