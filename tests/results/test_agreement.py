"""Agreement of scores with trained networks, worked out by hand, and what a run folder holds of it."""

import math

import numpy as np
import pandas as pd
import pytest

from results.agreement import agreement, equal_costs, regret_of_front
from results.errors import RunError
from results.fidelity import Fidelity, read_fidelity, write_fidelity


@pytest.fixture
def candidates():
    """Five of which the score puts the last two the wrong way round; the variant has the layers of the third."""
    return pd.DataFrame(
        {
            "id": list("abcdev"),
            "role": ["front", "front", "front", "behind", "behind", "variant"],
            "layers": [0, 1, 2, 3, 4, 2],
            "bit_ops": [100.0, 200.0, 400.0, 420.0, 800.0, 400.0],
            "score": [0.1, 0.2, 0.3, 0.5, 0.4, 0.35],
            "missing": [math.nan] * 6,
            "score_seeds_sd": [0.3, 0.4, math.nan, math.nan, math.nan, math.nan],
            "trained": [0.30, 0.40, 0.50, 0.55, 0.60, 0.45],
            "trained_sd": [math.nan] * 6,
        }
    )


def test_the_row_of_a_measure_by_hand(candidates):
    row = agreement(candidates, ["score"], "bit_ops").iloc[0]
    assert row["candidates"] == 5  # without the variant
    assert row["tau"] == pytest.approx(8 / 10)
    assert row["spearman"] == pytest.approx(1 - 6 * 2 / (5 * 24))
    assert row["tau_low"] < 8 / 10 <= row["tau_high"] == 1.0
    assert (row["tau_equal_cost_pairs"], row["tau_equal_cost"]) == (1, 1.0)  # 400 and 420
    assert (row["tau_same_layers_pairs"], row["tau_same_layers"]) == (1, -1.0)  # 0.3 < 0.35, but 0.50 > 0.45
    assert row["regret_best"] == pytest.approx(0.05)


def test_the_order_by_cost_is_a_measure_too_and_one_without_figures_has_none(candidates):
    cost, missing = agreement(candidates, ["bit_ops", "missing"], "bit_ops").to_dict("records")
    assert cost["tau"] == 1.0
    assert math.isnan(cost["tau_same_layers"])
    assert missing["candidates"] == 0
    assert all(math.isnan(missing[name]) for name in ("tau", "tau_low", "spearman", "regret_best", "regret_front"))


def test_costs_are_equal_up_to_a_tenth():
    assert equal_costs(np.array([100.0, 110.0, 121.0])).tolist() == [
        [True, True, False],
        [True, True, True],
        [False, True, True],
    ]


def test_a_fronts_regret_is_against_what_costs_no_more():
    score, trained, costs = np.array([0.1, 0.3, 0.2]), np.array([0.5, 0.4, 0.9]), np.array([1.0, 2.0, 3.0])
    assert regret_of_front(score, trained, costs) == pytest.approx((0.0 + 0.1) / 2)  # the third is not on the front


def test_what_is_written_is_read_again(candidates, tmp_path):
    made = Fidelity(
        candidates, agreement(candidates, ["score", "missing"], "bit_ops"), {"seeds": [0, 1], "x": "bit_ops"}
    )
    write_fidelity(tmp_path, made)
    again = read_fidelity(tmp_path)
    pd.testing.assert_frame_equal(again.candidates, candidates)
    pd.testing.assert_frame_equal(again.agreement, made.agreement, check_dtype=False)
    assert again.settings == {"seeds": [0, 1], "x": "bit_ops"}
    assert again.score_sd == pytest.approx(math.sqrt((0.09 + 0.16) / 2))
    assert math.isnan(again.trained_sd)


def test_a_run_without_it_and_a_damaged_file_have_one_message(tmp_path):
    with pytest.raises(RunError, match=r"has no fidelity\.json\. Make it with: bitfront fidelity "):
        read_fidelity(tmp_path)
    (tmp_path / "fidelity.json").write_text("{")
    with pytest.raises(RunError, match=r"fidelity\.json can't be read \(.*Make it again with: bitfront fidelity "):
        read_fidelity(tmp_path)


def test_another_training_is_each_seed_against_the_mean_of_the_others(candidates):
    """By hand, over the five that aren't variants: seed 0 in order; seed 1 with one pair turned, seed 2 with two."""
    zero, one, two = [1.0, 2.0, 3.0, 4.0, 5.0], [1.0, 2.0, 3.0, 5.0, 4.0], [2.0, 1.0, 3.0, 5.0, 4.0]
    seeds = {f"trained_seed_{seed}": [*values, 3.5] for seed, values in {0: zero, 1: one, 2: two}.items()}
    row = agreement(candidates.assign(**seeds), ["score"], "bit_ops").iloc[-1]
    assert (row["measure"], row["candidates"]) == ("another training", 5)
    # means of the others, by seed: [1.5, 1.5, 3, 5, 4], [1.5, 1.5, 3, 4.5, 4.5], [1, 2, 3, 4.5, 4.5]
    taus = [7 / math.sqrt(10 * 9), 8 / math.sqrt(10 * 8), 7 / math.sqrt(10 * 9)]
    assert row["tau"] == pytest.approx(sum(taus) / 3)
    assert row["tau_same_layers_pairs"] == 1


def test_one_seed_has_no_other_training(candidates):
    made = agreement(candidates.assign(trained_seed_0=0.5), ["score"], "bit_ops")
    assert made["measure"].tolist() == ["score"]
