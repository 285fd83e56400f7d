"""A search whose supernet has weights by kind: what it keeps, reads again, scores and retrains from."""

from dataclasses import replace

import pytest
import torch

from search.config import load_config
from search.errors import RunError
from search.plan.plan import plan_search
from search.run.folder import RunFolder
from search.stages.scoring import live_scorer_parts, score_settings
from search.stages.supernet import trained_supernet
from spaces.candidate import Candidate
from spaces.detectors import searchable_units
from spaces.supernet import extract
from trainers.progress import SilentProgress
from trainers.scoring.scorer import Scorer

CONFIG = """
name: by_kind
device: cpu
data: {format: shapes, image_size: 96, shapes: {train: 8, val: 8, test: 8, image_size: 96}}
student: {detector: ssd_resnet18, width: 0.125}
teachers: {twin: {epochs: 1, batch_size: 8}}
space: {granularity: stage, layers: {methods: [real, int4, sign]}}
supernet: {weights: by_kind, rule: sandwich, ema: 0.5, inputs_first_epochs: 1, epochs: 1, batch_size: 8}
scoring: {adapt_steps: 1, batch_size: 8, recalibrate_images: 8}
search: {trials: 4, workers: 1}
retrain: {epochs: 1, batch_size: 8}
"""
UNIT = "backbone.layer4.1.conv2"


@pytest.fixture(scope="module")
def made(prepared, tmp_path_factory):
    folder = tmp_path_factory.mktemp("by_kind")
    (folder / "config.yaml").write_text(CONFIG)
    return prepared(load_config(folder / "config.yaml", []), folder / "run")


def with_weights(plan, weights):
    supernet = plan.base.config.supernet.model_copy(update={"weights": weights})
    return replace(plan, base=replace(plan.base, config=plan.base.config.model_copy(update={"supernet": supernet})))


def test_its_file_has_both_weights_and_is_read_again(made):
    plan, run, parts = made
    state = parts.state.supernet
    assert not torch.equal(state[f"{UNIT}.weight"], state[f"{UNIT}.one_bit_weight"])
    twin = parts.teachers["twin"].network.state_dict()
    assert not torch.equal(state[f"{UNIT}.one_bit_weight"], twin[f"{UNIT}.weight"])
    again = trained_supernet(plan, run, parts.teachers, parts.train, SilentProgress()).supernet
    assert all(torch.equal(again[name], tensor) for name, tensor in state.items())
    with pytest.raises(RunError, match="The file holds other tensors than this config's supernet"):
        trained_supernet(with_weights(plan, "shared"), run, parts.teachers, parts.train, SilentProgress())


@pytest.mark.parametrize(("method", "source"), [("sign", "one_bit_weight"), ("int4", "weight"), ("real", "weight")])
def test_a_candidate_is_scored_and_retrained_from_the_weight_of_its_kind(made, method, source):
    plan, _, parts = made
    candidate = Candidate({"layer/backbone": method})
    network = extract(parts.state.supernet, plan.base.student, candidate)  # as `retrain.trained_candidate` begins
    unit = searchable_units(network)[UNIT]
    assert torch.equal(unit.weight, parts.state.supernet[f"{UNIT}.{source}"])
    assert f"{UNIT}.one_bit_weight" not in network.state_dict()
    score = Scorer(live_scorer_parts(plan, parts, 0)).score(candidate)
    assert 0 <= score.metrics["map50"] <= 1


@pytest.mark.parametrize(
    ("overrides", "count"),
    [
        (("supernet.weights=shared",), 0),
        (("supernet.weights=shared", "space.layers.methods=[sign, react]"), 16),
        (("supernet.weights=by_kind",), 16),
    ],
)
def test_candidates_adapt_at_the_rate_of_latent_weights_those_of_the_supernet(tmp_path, overrides, count):
    (tmp_path / "config.yaml").write_text(CONFIG)
    rate = "supernet.latent_learning_rate=0.001"
    settings = score_settings(plan_search(load_config(tmp_path / "config.yaml", [*overrides, rate]), None))
    assert settings.rates["latent"] == 0.5
    assert len(settings.latent_units) == count


@pytest.mark.parametrize(("weights", "described"), [("shared", {}), ("by_kind", {"weights": "by_kind"})])
def test_unfinished_trainings_of_older_versions_are_those_with_shared_weights(
    made, weights, described, tmp_path, monkeypatch
):
    plan, _, parts = made
    tasks = []
    monkeypatch.setattr("search.stages.training.train_supernet", lambda *given, **_: tasks.append(given[-1]))
    trained_supernet(with_weights(plan, weights), RunFolder(tmp_path), parts.teachers, parts.train, SilentProgress())
    assert tasks[0].described_as == {"rule": "sandwich", "inputs_first_epochs": 1} | described
