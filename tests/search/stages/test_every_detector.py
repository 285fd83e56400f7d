"""A whole search of six trials, from generated images to a front, for every detector of the table."""

import pytest

from search.config import load_config
from search.stages.search import run_search
from spaces.detectors import DETECTORS
from trainers.progress import SilentProgress

CONFIG = """
name: each
device: cpu
data: {format: shapes, image_size: 96, shapes: {train: 16, val: 8, test: 8, image_size: 96}}
student: {detector: ssd_resnet18, width: 0.125}
teachers: {twin: {epochs: 1, batch_size: 8}}
space:
  granularity: stage
  layers: {methods: [real, bireal]}
  terms: {feature_hint: {teachers: [none, twin]}}
supernet: {epochs: 1, batch_size: 8}
scoring: {adapt_steps: 1, batch_size: 8, recalibrate_images: 8}
search: {trials: 6, workers: 1}
retrain: {pick: null}
"""
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.mark.parametrize("detector", sorted(DETECTORS))
def test_a_search_of_six_trials_ends_with_a_front(detector, tmp_path):
    file = tmp_path / "each.yaml"
    file.write_text(CONFIG)
    chosen = [f"student.detector={detector}", f"data.image_size={DETECTORS[detector].sizes[0]}"]
    found = run_search(load_config(file, chosen), tmp_path / "run", None, SilentProgress())
    assert list(found.run.trials["state"]) == ["complete"] * 6
    assert 1 <= len(found.run.front()) <= 6
    first, second = (found.run.trials.sort_values("number").iloc[n] for n in (0, 1))
    assert first["macs_1bit"] == 0  # all real, then all 1-bit
    assert second["macs_1bit"] > 0
