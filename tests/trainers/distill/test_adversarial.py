import math

import pytest
import torch
from torch import nn

from spaces.candidate import Candidate
from spaces.detectors import DetectorOutput
from trainers.devices import freeze
from trainers.distill import Distiller
from trainers.distill.adversarial import GAMES, Adversarial
from trainers.training.parameter_groups import parameters_by_role

CHANNELS = {"p3": 8}


def output(maps):
    return DetectorOutput({"p3": maps}, None, list)


def played(game="non_saturating"):
    torch.manual_seed(0)
    return Adversarial(CHANNELS, {"big": CHANNELS}, game)


def set_bias(module, value):
    """Make the discriminator answer `value` whatever it sees."""
    last = module.discriminators["0"]["p3"].layers[-1]
    nn.init.zeros_(last.weight)
    nn.init.constant_(last.bias, value)


@pytest.mark.parametrize(
    ("game", "logit", "student", "discriminator"),
    [
        ("non_saturating", 0.0, math.log(2), 2 * math.log(2)),
        ("non_saturating", 2.0, math.log(1 + math.exp(-2)), math.log(1 + math.exp(-2)) + math.log(1 + math.exp(2))),
        ("least_squares", 0.25, 0.75**2 / 2, (0.75**2 + 0.25**2) / 2),
        ("hinge", 0.5, -0.5, 0.5 + 1.5),
        ("hinge", -3.0, 3.0, 4.0),
    ],
)
def test_both_sides_lose_what_the_game_says(game, logit, student, discriminator):
    term = played(game)
    set_bias(term, logit)
    ours, theirs = output(torch.rand(2, 8, 3, 3)), output(torch.rand(2, 8, 3, 3))
    assert float(term(ours, theirs, "big").detach()) == pytest.approx(student, rel=1e-6)
    assert float(term.opponents_loss(ours, theirs, "big").detach()) == pytest.approx(discriminator, rel=1e-6)


@pytest.mark.parametrize(("game", "logit", "right"), [("hinge", 1.0, "teacher"), ("least_squares", 0.4, "student")])
def test_accuracy_is_the_share_classified_rightly_since_it_was_last_asked(game, logit, right):
    term = played(game)
    assert term.figures() == {}
    set_bias(term, logit)  # the same answer everywhere: right for one of the two
    with torch.no_grad():
        judged = next(term._judged(output(torch.rand(2, 8, 3, 3)), output(torch.rand(2, 8, 3, 3)), "big"))
    assert [bool((logits > term.game.boundary).all()) for logits in judged] == [right == "teacher"] * 2
    for _ in range(3):
        term.opponents_loss(output(torch.rand(2, 8, 3, 3)), output(torch.rand(2, 8, 3, 3)), "big")
    assert term.figures() == {"discriminator_accuracy": 0.5}
    assert term.figures() == {}


@pytest.mark.parametrize("game", list(GAMES))
def test_neither_side_trains_the_other(game):
    term = played(game)
    maps = torch.rand(2, 8, 3, 3, requires_grad=True)
    theirs = torch.rand(2, 8, 3, 3, requires_grad=True)
    against = parameters_by_role(term)["discriminator"]
    own = [p for p in term.parameters() if not any(p is one for one in against)]
    term(output(maps), output(theirs), "big").backward()
    assert maps.grad.count_nonzero() > 0
    assert all(p.grad.count_nonzero() > 0 for p in own)
    assert all(p.grad is None for p in against)
    maps.grad = None
    term.zero_grad()
    term.opponents_loss(output(maps), output(theirs), "big").backward()
    assert all(p.grad is not None for p in against)
    assert maps.grad is None
    assert all(p.grad is None for p in own)
    assert theirs.grad is None


def accuracies(steps, game="non_saturating", student_rate=0.02):
    """How rightly a discriminator tells a teacher's normal maps from a student's shifted ones, step by step."""
    term = played(game)
    torch.manual_seed(1)
    shift = nn.Parameter(torch.full((8, 1, 1), -3.0))
    against = parameters_by_role(term)["discriminator"]
    optimizer = torch.optim.Adam([{"params": [shift], "lr": student_rate}, {"params": against, "lr": 1e-2}])
    figures = []
    for _ in range(steps):
        theirs, ours = output(torch.randn(8, 8, 4, 4)), output(torch.randn(8, 8, 4, 4) + shift)
        loss = term(ours, theirs, "big") + term.opponents_loss(ours, theirs, "big")
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        figures.append(term.figures()["discriminator_accuracy"])
    return figures


@pytest.mark.parametrize("game", list(GAMES))
def test_a_discriminator_knows_a_still_student_and_loses_sight_of_one_that_learns(game):
    still = accuracies(60, game, student_rate=0.0)
    assert sum(still[-10:]) / 10 > 0.95
    learning = accuracies(500, game)
    assert max(learning[:100]) > 0.95
    assert sum(learning[-50:]) / 50 < 0.6


def test_a_step_trains_student_adapters_and_discriminators(fixed, images, targets):
    student, big = fixed("sign"), freeze(fixed("real", seed=2))
    distiller = Distiller(student, {"big": big}, {"adversarial": ["none", "big"]})
    candidate = Candidate({"teacher/adversarial": "big", "weight/adversarial": 0.1})
    made = student(images, targets)
    losses = distiller.losses(candidate, images, made)
    assert list(losses) == ["adversarial discriminators", "adversarial"]
    heavier = distiller.losses(candidate.replace({"weight/adversarial": 1.0}), images, made)
    assert heavier["adversarial"].item() == pytest.approx(10 * losses["adversarial"].item(), rel=1e-5)
    assert heavier["adversarial discriminators"].item() == losses["adversarial discriminators"].item()
    sum(losses.values()).backward()
    assert all(p.grad is not None for p in distiller.parameters())
    off = distiller.losses(candidate.replace({"teacher/adversarial": "none"}), images, made)
    assert off == {}
