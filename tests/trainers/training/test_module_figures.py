"""What modules report in a training, and how far they learn it to be."""

import torch
from torch import nn

from spaces.layers import SearchableUnit, UnitShape
from trainers.training.loop import Task, train
from trainers.training.module_figures import FlippedSigns, mean_figures
from trainers.training.parameter_groups import searched_parameters
from trainers.training.settings import TrainSettings


def unit():
    torch.manual_seed(0)
    return SearchableUnit(UnitShape(3, 4, 3), ["dbs", "bireal"])


def test_flipped_is_the_share_of_signs_that_changed():
    network = nn.ModuleDict({"one": unit(), "other": unit()})
    signs = FlippedSigns(searched_parameters(network))
    assert signs.figures() == {"flipped": 0.0}
    with torch.no_grad():
        network["one"].alternatives["dbs"].logits[:2].neg_()  # half of one of two
    assert signs.figures() == {"flipped": 0.25}
    assert FlippedSigns(searched_parameters(nn.Conv2d(1, 1, 1))).figures() == {}


def test_a_larger_layer_counts_by_its_number_of_signs():
    small, large = nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(6))
    signs = FlippedSigns([small, large])
    with torch.no_grad():
        small.neg_()
    assert signs.figures() == {"flipped": 0.25}


class Reports:
    def __init__(self, **figures):
        self.values = figures

    def figures(self):
        return self.values


def test_a_figure_is_the_mean_over_the_modules_that_report_it():
    assert mean_figures([Reports(a=1.0), Reports(), Reports(a=2.0, b=0.5)]) == {"a": 1.5, "b": 0.5}
    assert mean_figures([]) == {}


def test_an_annealed_search_learns_how_far_the_training_is_and_ends_hard(blobs):
    network = nn.ModuleDict({"network": SearchableUnit(UnitShape(3, 4, 3, 8), ["dbs"])})
    dbs, seen = network["network"].alternatives["dbs"], []

    def step_losses(batch, epoch, step):
        seen.append(dbs.search_progress)
        return [{"toy": network["network"](torch.stack(batch[0])).square().mean()}]

    train(network, step_losses, blobs(4), TrainSettings(epochs=4, batch_size=4), Task(stage="toy", seed=0))
    assert seen == [0.0, 0.25, 0.5, 0.75]
    assert dbs.search_progress == 1.0
