"""Seven trials whose front can be worked out by hand: binary (100, 0.30), mixed (400, 0.66), real (1000, 0.70)."""

import copy
import json
from datetime import UTC, datetime, timedelta

import pytest

from results import open_run, write_run_tables
from results.effects import AccuracyEffects, Effect
from results.layers import write_layer_costs
from results.tables import front_picture

BEGAN = datetime(2026, 11, 28, 9, 0, tzinfo=UTC)


def _trial(number, trial_id, bit_ops, map50, **rest):
    layers = {"layer/stem": "real", "layer/block.0": "bireal"}
    return {
        "number": number,
        "id": trial_id,
        "state": "complete",
        "reason": None,
        **layers,
        "teacher/hint": "none",
        "map50": map50,
        "map50_11": map50,
        "bit_ops": bit_ops,
        "ops": bit_ops / 64,
        "memory_bits": 8.0,
        "seconds_adapt": 0.5,
        "feasible": True,
        **rest,
    }


@pytest.fixture
def records(hand_worked):
    """A copy that a test may change."""
    return copy.deepcopy(hand_worked)


@pytest.fixture(scope="session")
def hand_worked():
    return [
        _trial(0, "aa00000000", 1000.0, 0.70, **{"layer/block.0": "real"}),
        _trial(1, "ab00000000", 100.0, 0.30),
        _trial(3, "bb00000000", 400.0, 0.66, **{"teacher/hint": "twin", "weight/hint": 0.1 + 0.2}),
        _trial(2, "cc00000000", 400.0, 0.66),
        _trial(4, "dd00000000", 500.0, 0.60),
        _trial(5, "ee00000000", 90.0, None, state="failed", reason="diverged: loss is nan", feasible=False),
        _trial(6, "ff00000000", 50.0, 0.90, feasible=False),
    ]


def timed(records):
    """Trial n in the order of completion is proposed after n seconds, and takes until second 10 (n + 1)."""
    return [
        record | {"started": BEGAN + timedelta(seconds=n), "completed": BEGAN + timedelta(seconds=10 * (n + 1))}
        for n, record in enumerate(records)
    ]


def share(layer, choice, method, macs, bits, memory_bits, kind="block"):
    costs = {"macs": macs, "bit_ops": macs * bits * bits, "ops": macs / 64 if bits == 1 else float(macs)}
    return {"layer": layer, "choice": choice, "kind": kind, "method": method, **costs, "memory_bits": memory_bits}


SHARES = [
    share("stem", "layer/stem", "real", 2, 32, 640, kind="stem"),
    share("block.0.conv", "layer/block.0", "real", 64, 32, 320),
    share("block.0.conv", "layer/block.0", "bireal", 64, 1, 42),
    share("bn", "", "BatchNorm2d", 0, 32, 96, kind="fixed"),
]

RESULT = {
    "id": "bb00000000",
    "settings": {"epochs": 60, "learning_rate": 0.002, "rates": {"head": 0.1}},
    "test": {"map50": 0.71, "ap": 0.4, "per_class": {"cat": 0.7}},
    "twin_test": {"map50": 0.75},
    "costs": {"bit_ops": 400.0},
}


@pytest.fixture
def fronts_are_drawn(monkeypatch):
    """Tables have their picture, as outside of tests."""
    monkeypatch.setattr("results.tables.front_picture", front_picture)


@pytest.fixture(scope="session")
def whole_run(tmp_path_factory, hand_worked):
    """The folder of a run with everything that the frames read."""
    folder = tmp_path_factory.mktemp("whole")
    effect = Effect("layer", "stem", "sign", "real", -0.02, 0.01, 3, 100.0, 10.0)
    effects = [AccuracyEffects("map50", "bit_ops", 6, 0.01, 0.9, (effect,))]
    write_run_tables(folder, timed(hand_worked), x="bit_ops", y="map50", effects=effects)
    write_layer_costs(folder, SHARES)
    for name, result in (("bb00000000", RESULT), ("bb00000000.2", RESULT | {"seed": 3, "start": "twin"})):
        (folder / "retrained" / name).mkdir(parents=True)
        (folder / "retrained" / name / "figures.json").write_text(json.dumps(result))
    (folder / "retrained" / "ab00000000").mkdir()  # a training that has not ended
    (folder / "training.jsonl").write_text(
        '{"stage": "supernet", "epoch": 1, "of": 2, "loss": 3.5, "cls": 3.0, "box": 0.5}\n'
        '{"stage": "retrain bb00000000", "epoch": 1, "of": 60, "loss": 2.0, "cls": 2.0, "flipped": 0.1}\n'
        '{"stage": "retrain bb'
    )
    (folder / "seconds.json").write_text('{"supernet": 27.5, "search": 55.8}')
    (folder / "environment.json").write_text('{"python": "3.11.7", "cores": 2, "packages": {"torch": "2.15.0"}}')
    (folder / "data.json").write_text('{"val": "a12c"}')
    return folder


@pytest.fixture(scope="session")
def whole(whole_run):
    return open_run(whole_run)
