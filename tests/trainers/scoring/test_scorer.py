import dataclasses
import json
import math
import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from spaces.candidate import Candidate
from spaces.cost import layer_costs, totals
from spaces.supernet import build_fixed, build_supernet, extract
from trainers.devices import freeze
from trainers.distill import Distiller
from trainers.inference import voc_metrics
from trainers.scoring.parts import ScoreSettings, pack, seen_by
from trainers.scoring.scorer import Score, build_scorer
from trainers.teacher import Teacher
from trainers.training.step import DivergedError

SETTINGS = ScoreSettings(adapt_steps=3, batch_size=4, recalibrate_images=6, adapt_learning_rate=1e-3, device="cpu")
REAL = Candidate({"layer/backbone": "real", "teacher/feature_hint": "none"})
MIXED = Candidate(
    {
        "layer/backbone": "bireal",
        "layer/backbone.layer1": "real",
        "layer/backbone.layer2.0.conv1": "sign",
        "teacher/feature_hint": "twin",
        "weight/feature_hint": 1.0,
    }
)
TAUGHT = Candidate({"layer/backbone": "sign", "teacher/feature_hint": "twin", "weight/feature_hint": 10.0})
CANDIDATES = (REAL, MIXED, TAUGHT)


@pytest.fixture
def parts(spec, supernet, fixed, blobs):
    """Twelve images to learn from and five to be measured on, with a twin to teach."""
    candidate = Candidate({"layer/backbone": "real"})
    twin = Teacher(freeze(fixed("real", seed=3)), spec, candidate)
    torch.manual_seed(4)
    distiller = Distiller(supernet, {"twin": twin.network}, {"feature_hint": ["none", "twin"]})
    with torch.no_grad():
        for adapter in distiller.parameters():
            adapter.normal_(std=0.1)
    return pack(
        spec=spec,
        settings=SETTINGS,
        supernet=supernet.state_dict(),
        distiller=distiller.state_dict(),
        terms={"feature_hint": ["none", "twin"]},
        teachers={"twin": twin},
        train=seen_by(SETTINGS, blobs(12, seed=1)),
        val=blobs(5, seed=2),
    )


def copies(parts):
    return {name: array.copy() for name, array in parts.arrays.items()}


def assert_untouched(parts, before):
    changed = [name for name, array in parts.arrays.items() if array.tobytes() != before[name].tobytes()]
    assert changed == []


def exact(score):
    """All of a score but its times, so that equal means bit for bit."""
    return {name: value.hex() for name, value in (score.metrics | score.costs).items()}


def with_settings(parts, **changes):
    return replace(parts, settings=parts.settings | changes)


def adapted(scorer, parts, candidate):
    """The parameters after adaptation, less what they were before it."""
    network = extract(scorer._supernet, scorer._spec, candidate)
    before = [parameter.detach().clone() for parameter in network.parameters()]
    scorer._adapt(network, candidate)
    return torch.cat([(p.detach() - b).flatten() for p, b in zip(network.parameters(), before, strict=True)])


def test_a_score_has_accuracy_costs_and_times(parts):
    score = build_scorer(parts).score(MIXED)
    assert isinstance(score, Score)
    assert set(score.metrics) == {"map50", "map50_11"}
    assert all(0 <= value <= 1 for value in score.metrics.values())
    assert set(score.costs) == {"bit_ops", "ops", "memory_bits", "macs_1bit", "macs_8bit", "macs_32bit"}
    assert set(score.seconds) == {"adapt", "recalibrate", "evaluate"}
    assert all(isinstance(v, float) and v >= 0 for v in (score.metrics | score.costs | score.seconds).values())


def test_costs_are_those_of_the_candidate(parts, spec):
    network = build_fixed(spec, MIXED)
    assert build_scorer(parts).score(MIXED).costs == totals(layer_costs(network, [torch.zeros(3, 96, 96)])).as_dict()


def test_a_score_leaves_every_array_and_every_tensor_as_it_was(parts, supernet):
    before, state = copies(parts), {name: tensor.clone() for name, tensor in supernet.state_dict().items()}
    scorer = build_scorer(parts)
    teachers = {name: tensor.clone() for name, tensor in scorer._teachers["twin"].state_dict().items()}
    for candidate in CANDIDATES:
        scorer.score(candidate)
    assert_untouched(parts, before)
    assert all(torch.equal(tensor, state[name]) for name, tensor in supernet.state_dict().items())
    after = scorer._teachers["twin"].state_dict()
    assert all(torch.equal(after[name], teachers[name]) for name in teachers)


def test_arrays_that_can_not_be_written_do(parts):
    locked = {name: array.copy() for name, array in parts.arrays.items()}
    for array in locked.values():
        array.flags.writeable = False
    score = build_scorer(replace(parts, arrays=locked)).score(MIXED)
    assert exact(score) == exact(build_scorer(parts).score(MIXED))


def test_a_candidate_scores_the_same_again_and_in_any_order(parts):
    scorer, other = build_scorer(parts), build_scorer(parts)
    forwards = [exact(scorer.score(candidate)) for candidate in CANDIDATES]
    torch.manual_seed(99)  # what others draw has no say
    np.random.seed(99)
    backwards = [exact(other.score(candidate)) for candidate in reversed(CANDIDATES)]
    assert backwards[::-1] == forwards
    assert exact(scorer.score(REAL)) == forwards[0]
    assert len({json.dumps(score, sort_keys=True) for score in forwards}) == 3


def test_the_parts_travel_by_pickle(parts):
    score = build_scorer(pickle.loads(pickle.dumps(parts))).score(MIXED)  # noqa: S301
    assert exact(score) == exact(build_scorer(parts).score(MIXED))


def test_without_adaptation_only_the_layers_are_scored(parts, supernet, spec, monkeypatch):
    scorer = build_scorer(with_settings(parts, adapt_steps=0))
    untaught = MIXED.replace({"teacher/feature_hint": "none"})
    assert exact(scorer.score(MIXED)) == exact(scorer.score(untaught))
    monkeypatch.setattr("trainers.scoring.scorer.recalibrate", lambda network, batches: None)
    network = extract(supernet.state_dict(), spec, MIXED)
    assert scorer.score(MIXED).metrics == voc_metrics(network, scorer._val)


def test_the_score_sees_the_teacher_and_its_weight(parts):
    scorer = build_scorer(parts)
    steps = [
        adapted(scorer, parts, candidate)
        for candidate in (
            MIXED,
            MIXED.replace({"weight/feature_hint": 10.0}),
            MIXED.replace({"teacher/feature_hint": "none"}),
        )
    ]
    assert not torch.equal(steps[0], steps[1])
    assert not torch.equal(steps[0], steps[2])


def test_a_layer_term_is_seen_too_and_one_of_no_weight_is_not(parts):
    scorer = build_scorer(replace(parts, terms=parts.terms | {"angular": ["none", "twin"]}))
    plain = adapted(scorer, parts, TAUGHT)
    compared = TAUGHT.replace({"teacher/angular": "twin", "weight/angular": 10.0})
    assert not torch.equal(adapted(scorer, parts, compared), plain)
    assert torch.equal(adapted(scorer, parts, compared.replace({"weight/angular": 0.0})), plain)


def test_adaptation_uses_the_trained_adapters(parts):
    scorer = build_scorer(parts)
    one = adapted(scorer, parts, TAUGHT)
    other = {name: array * 2 if name.startswith("distiller/") else array for name, array in parts.arrays.items()}
    assert not torch.equal(adapted(build_scorer(replace(parts, arrays=other)), parts, TAUGHT), one)


def test_adapters_adapt_too_and_each_score_begins_with_those_that_were_trained(parts, monkeypatch):
    scorer, seen = build_scorer(parts), []
    losses = Distiller.losses
    monkeypatch.setattr(
        Distiller,
        "losses",
        lambda self, *arguments: seen.append(next(self.parameters()).detach().clone()) or losses(self, *arguments),
    )
    for _ in range(2):
        scorer.score(TAUGHT)
    assert len(seen) == 2 * SETTINGS.adapt_steps
    assert torch.equal(seen[0], next(iter(scorer._distiller.values())))
    assert torch.equal(seen[0], seen[3])
    assert not torch.equal(seen[0], seen[1])


@pytest.mark.parametrize("steps", [1, 3])
def test_a_heavier_term_turns_the_step_and_does_not_lengthen_it(parts, steps):
    scorer = build_scorer(with_settings(parts, adapt_steps=steps))
    light = adapted(scorer, parts, TAUGHT.replace({"weight/feature_hint": 0.1}))
    heavy = adapted(scorer, parts, TAUGHT.replace({"weight/feature_hint": 1000.0}))
    assert not torch.equal(light, heavy)
    assert heavy.norm().item() == pytest.approx(light.norm().item(), rel=0.15)


def test_losses_a_hundred_times_as_large_make_the_same_step(parts):
    """The detection losses scaled by 100, under no teacher: Adam's step stays as long."""
    scorer, lengths = build_scorer(parts), []
    for scale in (1.0, 100.0):
        network = extract(scorer._supernet, scorer._spec, REAL)
        before = [parameter.detach().clone() for parameter in network.parameters()]
        forward = network.forward

        def scaled(images, targets=None, forward=forward, scale=scale):
            output = forward(images, targets)
            return dataclasses.replace(output, losses={name: scale * loss for name, loss in output.losses.items()})

        network.forward = scaled
        scorer._adapt(network, REAL)
        change = [(p.detach() - b).flatten() for p, b in zip(network.parameters(), before, strict=True)]
        lengths.append(torch.cat(change).norm().item())
    assert lengths[1] == pytest.approx(lengths[0], rel=0.05)
    assert lengths[0] > 0


def test_adaptation_goes_through_few_images_again(parts, monkeypatch):
    scorer = build_scorer(with_settings(parts, adapt_steps=8))
    seen = []
    losses = Distiller.losses
    monkeypatch.setattr(
        Distiller,
        "losses",
        lambda self, c, images, *rest: seen.append(images[0].sum()) or losses(self, c, images, *rest),
    )
    scorer.score(REAL)
    assert len(seen) == 8
    assert len(set(map(float, seen))) == 3  # twelve images in batches of four
    assert seen[0] == seen[3] == seen[6]


def test_only_the_training_images_that_are_needed_are_broadcast(parts, spec, supernet, blobs):
    def packed(**changes):
        settings = replace(SETTINGS, **changes)
        return pack(
            spec=spec,
            settings=settings,
            supernet=supernet.state_dict(),
            distiller={},
            terms={},
            teachers={},
            train=seen_by(settings, blobs(40)),
            val=blobs(3),
        )

    assert len(packed().image_ids["train"]) == 3 * 4
    assert len(packed(adapt_steps=0).image_ids["train"]) == 6
    assert len(packed(adapt_steps=100).image_ids["train"]) == 40
    assert packed().image_ids == packed().image_ids != packed(seed=1).image_ids
    assert packed().image_ids["val"] == ("000", "001", "002")


def test_recalibration_forgets_the_statistics_of_the_supernet(parts):
    """Whatever other candidates left in the running statistics must not reach a score."""
    spoilt = {
        name: array + 3 if name.startswith("supernet/") and name.endswith(("running_mean", "running_var")) else array
        for name, array in parts.arrays.items()
    }
    scores = [
        exact(build_scorer(with_settings(p, adapt_steps=0)).score(MIXED))
        for p in (parts, replace(parts, arrays=spoilt))
    ]
    assert scores[0] == scores[1]


def test_a_candidate_whose_loss_is_not_finite_has_diverged(parts):
    broken = parts.arrays | {"supernet/backbone.conv1.weight": np.full((8, 3, 7, 7), np.nan, dtype=np.float32)}
    with pytest.raises(DivergedError, match=r"The loss of the adaptation is not finite in epoch 0, step 0: cls=nan"):
        build_scorer(replace(parts, arrays=broken)).score(REAL)


def test_a_candidate_that_diverges_in_its_last_step_has_diverged(parts, monkeypatch):
    def rooted(self, candidate, images, targets, student, known=None):
        x = student.features["p3"]
        return {"root": (x * 0).abs().sqrt().sum()}  # 0, of slope NaN

    monkeypatch.setattr(Distiller, "losses", rooted)
    scorer = build_scorer(with_settings(parts, adapt_steps=1))
    with pytest.raises(DivergedError, match=r"After adaptation and recalibration \S+ is not finite"):
        scorer.score(REAL)
    monkeypatch.undo()
    assert math.isfinite(scorer.score(REAL).metrics["map50"])  # the next one is none the worse


def test_a_broken_weight_is_found_without_adaptation_too(parts):
    name = "supernet/backbone.conv1.weight"
    broken = parts.arrays | {name: np.full_like(parts.arrays[name], np.nan)}
    with pytest.raises(DivergedError, match=r"After adaptation and recalibration backbone\.\S+ is not finite"):
        build_scorer(with_settings(replace(parts, arrays=broken), adapt_steps=0)).score(REAL)


def test_a_method_that_the_supernet_lacks_is_refused(parts):
    lacking = {name: array for name, array in parts.arrays.items() if ".alternatives.sign." not in name}
    with pytest.raises(ValueError, match="The state lacks"):
        build_scorer(replace(parts, arrays=lacking)).score(TAUGHT)


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


def test_the_rate_of_an_adaptation_rises_and_falls_as_that_of_a_training(parts, rates):
    adapted(build_scorer(with_settings(parts, adapt_steps=41, adapt_learning_rate=1e-3)), parts, TAUGHT)
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
    scorer = build_scorer(with_settings(playing, adapt_steps=1, rates={"logit": 3.0, "discriminator": 0.25}))
    adapted(scorer, parts, chosen)
    assert rates == [pytest.approx([1e-3, 1e-3, 3e-3, 2.5e-4])]  # kernels, biases, logits, discriminators


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"adapt_steps": -1}, "adapt_steps is -1, must be 0 or more"),
        ({"batch_size": 1}, "batch_size is 1, must be at least 2: BatchNorm needs more than one image"),
        ({"recalibrate_images": 0}, "recalibrate_images is 0, must be at least 1"),
        ({"adapt_learning_rate": 0.0}, "adapt_learning_rate is 0.0, must be positive"),
        ({"rates": {"logit": math.inf}}, "The rate of logit is inf, must be positive and finite"),
        ({"rates": {"discriminator": 0.0}}, "The rate of discriminator is 0.0, must be positive"),
    ],
)
def test_settings_that_can_not_score_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        ScoreSettings(**changes)


WORKER = """
import json, pickle, sys
from dataclasses import replace
from pathlib import Path
import numpy as np, torch
torch.set_num_threads(1)
from spaces.candidate import Candidate
from trainers.scoring.scorer import build_scorer
folder = Path(sys.argv[1])
parts, names, candidates = pickle.loads((folder / "job").read_bytes())
arrays = {name: np.load(folder / f"{i}.npy", mmap_mode="r+") for i, name in enumerate(names)}
scorer = build_scorer(replace(parts, arrays=arrays))
scores = {c.id: scorer.score(c) for c in candidates}
print(json.dumps({i: {k: v.hex() for k, v in (s.metrics | s.costs).items()} for i, s in scores.items()}))
"""


def test_two_processes_score_from_one_shared_state_and_leave_it_alone(parts, tmp_path):
    """The arrays lie in files that both have open for writing: a score that wrote to them would show there."""
    files = [tmp_path / f"{index}.npy" for index in range(len(parts.arrays))]
    for file, array in zip(files, parts.arrays.values(), strict=True):
        np.save(file, array)
    (tmp_path / "job").write_bytes(pickle.dumps((replace(parts, arrays={}), list(parts.arrays), [MIXED, TAUGHT])))
    before = [file.read_bytes() for file in files]
    command = [sys.executable, "-c", WORKER, str(tmp_path)]
    with subprocess.Popen(command, cwd=Path(__file__).parents[3], stdout=subprocess.PIPE, text=True) as worker:
        arrays = {name: np.load(file, mmap_mode="r+") for name, file in zip(parts.arrays, files, strict=True)}
        scorer = build_scorer(replace(parts, arrays=arrays))
        ours = {candidate.id: exact(scorer.score(candidate)) for candidate in (TAUGHT, MIXED)}
        theirs = json.loads(worker.communicate(timeout=120)[0])
    assert theirs == ours
    assert [file.read_bytes() for file in files] == before
