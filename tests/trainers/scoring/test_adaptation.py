"""The adaptation before a measurement: what it learns from, how fast, and what it begins with."""

import math
from dataclasses import replace

import pytest
import torch

from spaces.candidate import Candidate
from spaces.supernet import build_supernet
from trainers.distill import Distiller
from trainers.scoring.parts import group_of
from trainers.scoring.scorer import Scorer

REAL = Candidate({"layer/backbone": "real", "teacher/feature_hint": "none"})


def with_settings(parts, **changes):
    return replace(parts, settings=parts.settings | changes)


def test_the_score_sees_the_teacher_and_its_weight(parts, adapted, mixed):
    steps = [
        adapted(parts, candidate)
        for candidate in (
            mixed,
            mixed.replace({"weight/feature_hint": 10.0}),
            mixed.replace({"teacher/feature_hint": "none"}),
        )
    ]
    assert not torch.equal(steps[0], steps[1])
    assert not torch.equal(steps[0], steps[2])


def test_a_layer_term_is_seen_too_and_one_of_no_weight_is_not(parts, adapted, taught):
    parts = replace(parts, terms=parts.terms | {"angular": ["none", "twin"]})
    plain = adapted(parts, taught)
    compared = taught.replace({"teacher/angular": "twin", "weight/angular": 10.0})
    assert not torch.equal(adapted(parts, compared), plain)
    assert torch.equal(adapted(parts, compared.replace({"weight/angular": 0.0})), plain)


def test_adaptation_uses_the_trained_adapters(parts, adapted, taught):
    other = {name: array * 2 if name.startswith("distiller/") else array for name, array in parts.arrays.items()}
    assert not torch.equal(adapted(replace(parts, arrays=other), taught), adapted(parts, taught))


@pytest.fixture
def steps(monkeypatch):
    """The first image's sum and the first adapter of each step, as it begins."""
    begun, step = [], Distiller.step

    def noting(self, network, candidate, images, targets, **options):
        begun.append((float(images[0].sum()), *(p.detach().clone() for p in list(self.parameters())[:1])))
        return step(self, network, candidate, images, targets, **options)

    monkeypatch.setattr(Distiller, "step", noting)
    return begun


def test_adapters_adapt_too_and_each_score_begins_with_those_that_were_trained(parts, settings, steps, taught):
    scorer = Scorer(parts)
    for _ in range(2):
        scorer.score(taught)
    adapters = [adapter for _, adapter in steps]
    assert len(adapters) == 2 * settings.adapt_steps
    assert torch.equal(adapters[0], torch.from_numpy(next(iter(group_of(parts, "distiller").values()))))
    assert torch.equal(adapters[0], adapters[3])
    assert not torch.equal(adapters[0], adapters[1])


def test_adaptation_goes_through_few_images_again(parts, steps):
    Scorer(with_settings(parts, adapt_steps=8)).score(REAL)
    sums = [image for image, *_ in steps]
    assert len(sums) == 8
    assert len(set(sums)) == 3  # twelve images in batches of four
    assert sums[0] == sums[3] == sums[6]


@pytest.mark.parametrize("count", [1, 3])
def test_a_heavier_term_turns_the_step_and_does_not_lengthen_it(parts, adapted, taught, count):
    parts = with_settings(parts, adapt_steps=count)
    light = adapted(parts, taught.replace({"weight/feature_hint": 0.1}))
    heavy = adapted(parts, taught.replace({"weight/feature_hint": 1000.0}))
    assert not torch.equal(light, heavy)
    assert heavy.norm().item() == pytest.approx(light.norm().item(), rel=0.15)


def test_losses_a_hundred_times_as_large_make_the_same_step(parts, adapted, monkeypatch):
    """The detection losses times 100, under no teacher: Adam's step stays as long."""
    length, step = adapted(parts, REAL).norm().item(), Distiller.step

    def scaled(self, *arguments, **options):
        return {name: 100 * loss for name, loss in step(self, *arguments, **options).items()}

    monkeypatch.setattr(Distiller, "step", scaled)
    assert adapted(parts, REAL).norm().item() == pytest.approx(length, rel=0.05)
    assert length > 0


@pytest.fixture
def rates(monkeypatch):
    """The learning rates of each group at every step of Adam."""
    noted = []
    step = torch.optim.Adam.step

    def noting(self, *args, **kwargs):
        noted.append([group["lr"] for group in self.param_groups])
        return step(self, *args, **kwargs)

    monkeypatch.setattr(torch.optim.Adam, "step", noting)
    return noted


def test_the_rate_of_an_adaptation_rises_and_falls_as_that_of_a_training(parts, taught, rates):
    Scorer(with_settings(parts, adapt_steps=41, adapt_learning_rate=1e-3)).score(taught)
    assert [one[0] for one in rates[:3]] == pytest.approx([5e-4, 1e-3, 1e-3])  # up in a twentieth of 41 steps, two
    assert rates[2 + 26][0] == pytest.approx(1e-3 * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * 26 / 39))))
    assert len(rates) == 41
    assert rates[-1][0] < 3e-5


def test_searched_signs_and_discriminators_adapt_at_rates_of_their_own(parts, spec, fixed, rates):
    supernet = build_supernet(spec, {"backbone": ["real", "dbs"]})
    terms = {"adversarial": ["none", "twin"]}
    states = {
        "supernet": supernet.state_dict(),
        "distiller": Distiller(supernet, {"twin": fixed("real", seed=3)}, terms).state_dict(),
    }
    own = {f"{group}/{name}": tensor.numpy() for group, state in states.items() for name, tensor in state.items()}
    others = {name: array for name, array in parts.arrays.items() if name.partition("/")[0] not in states}
    playing = replace(parts, terms=terms, arrays=others | own)
    chosen = Candidate({"layer/backbone": "dbs", "teacher/adversarial": "twin", "weight/adversarial": 0.1})
    Scorer(with_settings(playing, adapt_steps=1, rates={"logit": 3.0, "discriminator": 0.25})).score(chosen)
    assert rates == [pytest.approx([1e-3, 1e-3, 3e-3, 2.5e-4])]  # kernels, biases, logits, discriminators


def test_latent_weights_adapt_at_their_own_rate_where_the_supernet_has_them(parts, taught, rates):
    """The supernet's units are `real` and 1-bit ones; in the candidate all sixteen are `sign`."""
    Scorer(with_settings(parts, adapt_steps=1, rates={"latent": 0.5})).score(taught)
    chosen = with_settings(parts, adapt_steps=1, rates={"latent": 0.5}, latent_units=("backbone.layer4.1.conv2",))
    Scorer(chosen).score(taught)
    assert rates == [pytest.approx([1e-3, 1e-3]), pytest.approx([1e-3, 1e-3, 5e-4])]
