from collections import OrderedDict

import pytest
import torch

from spaces.published.wrappers import DEEPEST, EMA_WRAPPERS, WRAPPERS, states_in

STATE, OTHER = {"conv1.weight": torch.ones(2)}, {"conv1.weight": torch.zeros(2)}
BESIDE = {
    "epoch": 3,
    "best": 0.5,
    "arch": "resnet18",
    "args": {"lr": 0.1, "milestones": [3, 6]},
    "optimizer": {"state": {0: {"exp_avg": torch.ones(2)}}, "param_groups": [{"lr": 0.1, "params": [0]}]},
    "loss": torch.tensor(0.3),
    "scheduler": None,
}


def keys(content):
    return [state.keys for state in states_in(content)]


@pytest.mark.parametrize("make", [dict, OrderedDict])
def test_a_bare_state_dict_is_one(make):
    (state,) = states_in(make(STATE))
    assert (state.tensors, state.keys, state.is_ema) == (STATE, (), False)


@pytest.mark.parametrize("key", [*WRAPPERS, *EMA_WRAPPERS])
def test_it_may_lie_under_each_key_with_other_things_beside_it(key):
    (state,) = states_in({**BESIDE, key: STATE})
    assert (state.tensors, state.keys, state.is_ema) == (STATE, (key,), key in EMA_WRAPPERS)


def test_it_may_lie_several_keys_deep():
    assert keys({"ema": {"module": STATE, "updates": 3}, "model": {"net": {"state_dict": STATE}}}) == [
        ("ema", "module"),
        ("model", "net", "state_dict"),
    ]
    nested = STATE
    for _ in range(DEEPEST):
        nested = {"model": nested}
    assert keys(nested) == [("model",) * DEEPEST]
    assert keys({"model": nested}) == []


@pytest.mark.parametrize("key", EMA_WRAPPERS)
def test_a_moving_average_comes_first(key):
    for content in ({"state_dict": OTHER, key: STATE}, {key: STATE, "state_dict": OTHER}):
        assert [state.is_ema for state in states_in(content)] == [True, False]
    assert keys({"state_dict": {key: STATE}, "model": OTHER}) == [("state_dict", key), ("model",)]


def test_else_the_order_is_that_of_the_table_and_not_the_files():
    assert keys({"weights": STATE, "model": STATE, "state_dict": STATE}) == [("state_dict",), ("model",), ("weights",)]


def test_what_is_no_tensor_by_name_is_passed_over():
    (state,) = states_in({**STATE, "epoch": 3, 7: torch.ones(1), "_extra_state": None})
    assert state.tensors == STATE


@pytest.mark.parametrize("content", [None, 3, "text", [STATE], {}, {"mine": STATE}, {3: torch.ones(1)}, {"model": "x"}])
def test_other_contents_have_none(content):
    assert states_in(content) == []


def test_a_content_that_holds_itself_is_searched_to_an_end():
    content = {"conv1.weight": torch.ones(2)}
    content["model"] = content
    assert keys(content) == [("model",) * DEEPEST]
