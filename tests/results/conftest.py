"""Seven trials whose front can be worked out by hand: binary (100, 0.30), mixed (400, 0.66), real (1000, 0.70)."""

import copy

import pytest


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
