"""Roles of parameters: which rate, which decay, and which gradients are clipped together."""

import pytest
import torch
from torch import nn

from spaces.layers import SearchableUnit, UnitShape
from trainers.distill.adversarial import Discriminator
from trainers.training.inputs_first import train_inputs_first
from trainers.training.loop import Task, train
from trainers.training.parameter_groups import (
    clipping_sides,
    complete_rates,
    optimizer_groups,
    parameters_by_role,
    searched_parameters,
)
from trainers.training.settings import TrainSettings


def unit():
    torch.manual_seed(0)
    return SearchableUnit(UnitShape(3, 4, 3), ["dbs", "bireal"])


def ids(parameters):
    return {id(parameter) for parameter in parameters}


class WithRole(nn.Module):
    def __init__(self, role):
        super().__init__()
        self.role, self.value = role, nn.Parameter(torch.zeros(2))

    def parameter_groups(self):
        return {self.role: [self.value]}


def test_modules_say_the_roles_of_their_parameters():
    searched, judge = unit(), Discriminator(4)
    modules = nn.ModuleDict({"judge": judge, "searched": searched})
    roles = parameters_by_role(modules)
    assert list(roles) == ["logit", "discriminator", "latent"]
    assert ids(roles["latent"]) == {id(searched.weight)}  # of `bireal`: `dbs` owns its logits
    assert ids(roles["logit"]) == {id(searched.alternatives["dbs"].logits)} == ids(searched_parameters(modules))
    assert ids(roles["discriminator"]) == ids(judge.parameters())
    assert parameters_by_role(nn.Linear(2, 2)) == {}


def test_an_optimizer_has_each_parameter_once_at_the_rate_and_decay_of_its_role():
    modules = nn.ModuleDict({"plain": nn.Linear(2, 3), "logit": WithRole("logit"), "game": WithRole("discriminator")})
    groups = optimizer_groups(modules, 0.1, {"logit": 0.2, "discriminator": 0.3}, weight_decay=0.5)
    assert [(g["lr"], g["weight_decay"], [p.numel() for p in g["params"]]) for g in groups] == [
        (0.1, 0.5, [6]),
        (0.1, 0.0, [3]),
        (0.2, 0.0, [2]),
        (0.3, 0.0, [2]),
    ]


def test_the_latent_weight_is_that_with_which_1_bit_methods_alone_compute():
    def latent(*methods, split=False):
        made = SearchableUnit(UnitShape(3, 4, 3), methods)
        if split:
            made.split_weight()
        names = {id(parameter): name for name, parameter in made.named_parameters()}
        return [names[id(parameter)] for parameter in made.parameter_groups().get("latent", [])]

    assert latent("sign", "react") == ["weight"]
    assert latent("real", "sign") == latent("int2") == latent("dbs") == []
    assert latent("real", "sign", split=True) == ["one_bit_weight"]


@pytest.mark.parametrize(
    ("rates", "decays", "expected"),
    [
        ({}, {}, [(0.1, 0.5, 6 + 8), (0.1, 0.0, 3)]),  # among the weights, as before there was the role
        ({"latent": 0.2}, {}, [(0.1, 0.5, 6), (0.1, 0.0, 3), (0.2, 0.5, 8)]),
        ({}, {"latent": 0.0}, [(0.1, 0.5, 6), (0.1, 0.0, 3), (0.1, 0.0, 8)]),
        ({"latent": 0.2}, {"latent": 0.25}, [(0.1, 0.5, 6), (0.1, 0.0, 3), (0.2, 0.25, 8)]),
    ],
)
def test_latent_weights_are_apart_where_they_have_a_rate_or_a_decay_of_their_own(rates, decays, expected):
    latent = WithRole("latent")
    latent.value = nn.Parameter(torch.zeros(2, 4))
    modules = nn.ModuleDict({"plain": nn.Linear(2, 3), "latent": latent})
    groups = optimizer_groups(modules, 0.1, complete_rates(rates), 0.5, decays)
    assert [(g["lr"], g["weight_decay"], sum(p.numel() for p in g["params"])) for g in groups] == expected


def test_frozen_parameters_are_in_no_group():
    modules = nn.ModuleDict({"plain": nn.Linear(2, 3), "logit": WithRole("logit")})
    modules.requires_grad_(False)
    modules["plain"].bias.requires_grad_(True)
    groups = optimizer_groups(modules, 0.1, {"logit": 0.2})
    assert [ids(group["params"]) for group in groups] == [set(), {id(modules["plain"].bias)}]


def test_searched_signs_and_their_scales_are_clipped_apart():
    """Gradients (3, 4) and (300, 400) of norms 5 and 500, each clipped to 2.5, become (1.5, 2)."""
    network = nn.ModuleDict({"plain": nn.Linear(2, 1, bias=False), "unit": unit()})
    dbs = network["unit"].alternatives["dbs"]
    together, apart = clipping_sides(network)
    assert ids(apart) == {id(dbs.logits), id(dbs.scale)}
    assert id(network["plain"].weight) in ids(together)
    network["plain"].weight.grad = torch.tensor([[3.0, 4.0]])
    dbs.logits.grad, dbs.scale.grad = torch.zeros_like(dbs.logits), torch.zeros_like(dbs.scale)
    dbs.logits.grad[0, 0, 0, 0], dbs.scale.grad[0] = 300.0, 400.0
    for side in (together, apart):
        nn.utils.clip_grad_norm_(side, 2.5)
    assert network["plain"].weight.grad.tolist() == [[pytest.approx(1.5), pytest.approx(2.0)]]
    assert (float(dbs.logits.grad.max()), float(dbs.scale.grad.max())) == (pytest.approx(1.5), pytest.approx(2.0))


def test_those_that_play_against_the_rest_are_clipped_separately():
    logit, game = WithRole("logit"), WithRole("discriminator")
    assert [ids(side) for side in clipping_sides(nn.ModuleList([game, logit]))] == [{id(logit.value)}, {id(game.value)}]
    assert [ids(side) for side in clipping_sides(logit)] == [{id(logit.value)}]


def test_a_role_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match=r"No role of parameters is called 'logits'\. Did you mean 'logit'\?"):
        parameters_by_role(WithRole("logits"))


def test_rates_are_completed_and_may_be_multiples_of_the_weights_rate():
    assert complete_rates({"discriminator": 0.5}) == {"logit": 2e-2, "discriminator": 0.5}
    assert complete_rates({}, multiples=True) == {"logit": 10.0, "discriminator": 0.5}


def test_logits_have_their_own_rate_and_no_decay(blobs):
    network = unit().train()
    dbs = network.alternatives["dbs"]
    before = {name: p.detach().clone() for name, p in network.named_parameters()}

    def step_losses(batch, epoch, step):
        return [{"logits": dbs.logits.sum(), "scale": dbs.scale.sum()}]

    settings = TrainSettings(epochs=1, batch_size=4, learning_rate=1e-3, rates={"logit": 0.1}, weight_decay=0.5)
    train(nn.ModuleDict({"network": network}), step_losses, blobs(4), settings, Task(stage="toy", seed=0))
    moved = {name: (p.detach() - before[name]).abs() for name, p in network.named_parameters()}
    # One step of AdamW moves what has a gradient by the rate; decay would add rate x 0.5 x the value.
    assert moved["alternatives.dbs.logits"].flatten().tolist() == pytest.approx([0.1] * 108, rel=1e-3)
    assert moved["alternatives.dbs.scale"].tolist() == pytest.approx([1e-3] * 4, rel=1e-3)


def test_latent_weights_move_by_their_rate_and_shrink_by_their_decay(blobs):
    """A step of AdamW: w (1 - rate x decay) - rate. Latent: w (1 - 0.1 x 2) - 0.1; the real one's 0.999 w - 0.01."""
    units = nn.ModuleList([SearchableUnit(UnitShape(3, 4, 3), [method]) for method in ("sign", "real")]).train()
    for one in units:
        one.weight.data.fill_(0.5)

    def step_losses(batch, epoch, step):
        return [{"sums": units[0].weight.sum() + units[1].weight.sum()}]

    latent = {"rates": {"latent": 0.1}, "latent_weight_decay": 2.0}
    settings = TrainSettings(epochs=1, batch_size=4, learning_rate=0.01, weight_decay=0.1, **latent)
    train(nn.ModuleDict({"network": units}), step_losses, blobs(4), settings, Task(stage="toy", seed=0))
    found = [one.weight.detach().flatten().tolist() for one in units]
    assert found == [pytest.approx([0.3] * 108, abs=1e-6), pytest.approx([0.4895] * 108, abs=1e-6)]


def test_a_training_of_two_stages_has_its_latent_weights_in_the_second(blobs):
    """The first one's weights are real. Its unfinished state is known by its settings, which say so."""
    torch.manual_seed(0)
    units = nn.ModuleDict({"network": SearchableUnit(UnitShape(3, 4, 3), ["sign"])})
    seen = []

    def losses(batch, epoch, step):
        seen.append(units["network"].alternatives["sign"].inputs_only)
        return [{"sum": units["network"].weight.sum()}]

    settings = TrainSettings(epochs=1, batch_size=4, learning_rate=1e-6, weight_decay=0.0, rates={"latent": 0.1})
    before = units["network"].weight.detach().clone()
    train_inputs_first(units, losses, blobs(4), settings, Task(stage="toy", seed=0), 1)
    moved = (before - units["network"].weight.detach()).flatten().tolist()
    assert (seen, moved) == ([True, False], pytest.approx([0.1] * 108, rel=1e-3))
