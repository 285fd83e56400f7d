"""A score: what it has, and that it depends on the candidate and its parts alone."""

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
from spaces.supernet import extract
from trainers.distill import Distiller
from trainers.inference import voc_metrics
from trainers.scoring import scorer as scorer_module
from trainers.scoring.scorer import Score, Scorer
from trainers.training.finiteness import DivergedError

REAL = Candidate({"layer/backbone": "real", "teacher/feature_hint": "none"})


@pytest.fixture
def candidates(mixed, taught):
    return REAL, mixed, taught


def copies(parts):
    return {name: array.copy() for name, array in parts.arrays.items()}


def assert_untouched(parts, before):
    changed = [name for name, array in parts.arrays.items() if array.tobytes() != before[name].tobytes()]
    assert changed == []


def exact(score):
    """A score's metrics, so that equal means bit for bit."""
    return {name: value.hex() for name, value in score.metrics.items()}


def with_settings(parts, **changes):
    return replace(parts, settings=parts.settings | changes)


def test_a_score_has_accuracy_and_times(parts, mixed):
    score = Scorer(parts).score(mixed)
    assert isinstance(score, Score)
    assert set(score.metrics) == {"map50", "map50_11"}
    assert all(0 <= value <= 1 for value in score.metrics.values())
    assert set(score.seconds) == {"adapt", "recalibrate", "evaluate"}
    assert all(isinstance(v, float) and v >= 0 for v in (score.metrics | score.seconds).values())


def test_a_score_leaves_every_array_and_every_tensor_as_it_was(parts, supernet, candidates, monkeypatch):
    before, state = copies(parts), {name: tensor.clone() for name, tensor in supernet.state_dict().items()}
    scorer, teachers = Scorer(parts), []

    def noting(network, pool, *rest):
        teachers.append({name: tensor.clone() for name, tensor in pool["twin"].state_dict().items()})
        return Distiller(network, pool, *rest)

    monkeypatch.setattr(scorer_module, "Distiller", noting)
    for candidate in (*candidates, REAL):
        scorer.score(candidate)
    assert_untouched(parts, before)
    assert all(torch.equal(tensor, state[name]) for name, tensor in supernet.state_dict().items())
    first, *later = teachers
    assert len(later) == 3
    assert all(torch.equal(one[name], first[name]) for one in later for name in first)


@pytest.mark.usefixtures("weights_are_scored")
def test_arrays_that_can_not_be_written_do(parts, mixed):
    locked = {name: array.copy() for name, array in parts.arrays.items()}
    for array in locked.values():
        array.flags.writeable = False
    score = Scorer(replace(parts, arrays=locked)).score(mixed)
    assert exact(score) == exact(Scorer(parts).score(mixed))


@pytest.mark.usefixtures("weights_are_scored")
def test_a_candidate_scores_the_same_again_and_in_any_order(parts, candidates):
    scorer, other = Scorer(parts), Scorer(parts)
    forwards = [exact(scorer.score(candidate)) for candidate in candidates]
    torch.manual_seed(99)  # other draws have no influence
    np.random.seed(99)
    backwards = [exact(other.score(candidate)) for candidate in reversed(candidates)]
    assert backwards[::-1] == forwards
    assert exact(scorer.score(REAL)) == forwards[0]
    assert len({json.dumps(score, sort_keys=True) for score in forwards}) == 3


@pytest.mark.usefixtures("weights_are_scored")
def test_the_parts_travel_by_pickle(parts, mixed):
    score = Scorer(pickle.loads(pickle.dumps(parts))).score(mixed)  # noqa: S301
    assert exact(score) == exact(Scorer(parts).score(mixed))


@pytest.mark.usefixtures("weights_are_scored")
def test_without_adaptation_only_the_layers_are_scored(parts, supernet, spec, blobs, monkeypatch, mixed):
    scorer = Scorer(with_settings(parts, adapt_steps=0))
    untaught = mixed.replace({"teacher/feature_hint": "none"})
    assert exact(scorer.score(mixed)) == exact(scorer.score(untaught))
    monkeypatch.setattr("trainers.scoring.scorer.recalibrate", lambda network, batches: None)
    network = extract(supernet.state_dict(), spec, mixed)
    assert voc_metrics(network, blobs(5, seed=2)).items() <= scorer.score(mixed).metrics.items()


@pytest.mark.usefixtures("weights_are_scored")
def test_recalibration_forgets_the_statistics_of_the_supernet(parts, mixed):
    """Whatever other candidates left in the running statistics must not reach a score."""
    spoilt = {
        name: array + 3 if name.startswith("supernet/") and name.endswith(("running_mean", "running_var")) else array
        for name, array in parts.arrays.items()
    }
    scores = [
        exact(Scorer(with_settings(p, adapt_steps=0)).score(mixed)) for p in (parts, replace(parts, arrays=spoilt))
    ]
    assert scores[0] == scores[1]


def test_a_candidate_whose_loss_is_not_finite_has_diverged(parts):
    broken = parts.arrays | {"supernet/backbone.conv1.weight": np.full((8, 3, 7, 7), np.nan, dtype=np.float32)}
    with pytest.raises(DivergedError, match=r"The loss of the adaptation is not finite in epoch 0, step 0: cls=nan"):
        Scorer(replace(parts, arrays=broken)).score(REAL)


def test_a_candidate_that_diverges_in_its_last_step_has_diverged(parts, monkeypatch):
    def rooted(self, candidate, images, student, known=None):
        x = student.features["p3"]
        return {"root": (x * 0).abs().sqrt().sum()}  # 0, of slope NaN

    monkeypatch.setattr(Distiller, "losses", rooted)
    scorer = Scorer(with_settings(parts, adapt_steps=1))
    with pytest.raises(DivergedError, match=r"After adaptation and recalibration \S+ is not finite"):
        scorer.score(REAL)
    monkeypatch.undo()
    assert math.isfinite(scorer.score(REAL).metrics["map50"])  # the next one is none the worse


def test_a_broken_weight_is_found_without_adaptation_too(parts):
    name = "supernet/backbone.conv1.weight"
    broken = parts.arrays | {name: np.full_like(parts.arrays[name], np.nan)}
    with pytest.raises(DivergedError, match=r"After adaptation and recalibration backbone\.\S+ is not finite"):
        Scorer(with_settings(replace(parts, arrays=broken), adapt_steps=0)).score(REAL)


def test_a_method_that_the_supernet_lacks_is_refused(parts, taught):
    lacking = {name: array for name, array in parts.arrays.items() if ".alternatives.sign." not in name}
    with pytest.raises(ValueError, match="The state lacks"):
        Scorer(replace(parts, arrays=lacking)).score(taught)


WORKER = """
import json, pickle, sys
from dataclasses import replace
from pathlib import Path
import numpy as np, torch
torch.set_num_threads(1)
from spaces.candidate import Candidate
from trainers.scoring.scorer import Scorer
folder = Path(sys.argv[1])
parts, names, candidates = pickle.loads((folder / "job").read_bytes())
arrays = {name: np.load(folder / f"{i}.npy", mmap_mode="r+") for i, name in enumerate(names)}
scorer = Scorer(replace(parts, arrays=arrays))
scores = {c.id: scorer.score(c) for c in candidates}
print(json.dumps({i: {k: v.hex() for k, v in s.metrics.items()} for i, s in scores.items()}))
"""


def test_two_processes_score_from_one_shared_state_and_leave_it_alone(parts, tmp_path, mixed, taught):
    """The arrays lie in files that both have open for writing: a score that wrote to them would show there."""
    files = [tmp_path / f"{index}.npy" for index in range(len(parts.arrays))]
    for file, array in zip(files, parts.arrays.values(), strict=True):
        np.save(file, array)
    (tmp_path / "job").write_bytes(pickle.dumps((replace(parts, arrays={}), list(parts.arrays), [mixed, taught])))
    before = [file.read_bytes() for file in files]
    command = [sys.executable, "-c", WORKER, str(tmp_path)]
    with subprocess.Popen(command, cwd=Path(__file__).parents[3], stdout=subprocess.PIPE, text=True) as worker:
        arrays = {name: np.load(file, mmap_mode="r+") for name, file in zip(parts.arrays, files, strict=True)}
        scorer = Scorer(replace(parts, arrays=arrays))
        ours = {candidate.id: exact(scorer.score(candidate)) for candidate in (taught, mixed)}
        theirs = json.loads(worker.communicate(timeout=120)[0])
    assert theirs == ours
    assert [file.read_bytes() for file in files] == before


def test_adaptation_in_bf16_takes_other_steps_of_the_same_size(parts, adapted, taught):
    half = replace(parts, settings=parts.settings | {"precision": "bf16"})
    ours, exact = adapted(half, taught), adapted(parts, taught)
    assert ours.dtype == torch.float32
    assert not torch.equal(ours, exact)
    assert float(ours.norm()) == pytest.approx(float(exact.norm()), rel=0.1)
