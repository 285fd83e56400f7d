"""The table of methods, the options in a name, and each method as a unit."""

import pytest
import torch
from torch import nn

from spaces.layers import METHODS, SearchableUnit, UnitShape, learns_scale, method
from spaces.layers.adaptive_binary import TwoLevels
from spaces.layers.binary_unit import Binary
from spaces.layers.channel_bias import ChannelBias, DynamicChannelBias, ShiftedPReLU
from spaces.layers.maxout import Maxout
from spaces.layers.prelu import PReLU
from spaces.layers.searched_unit import DBS
from spaces.layers.signs import sign
from spaces.layers.weight_rules import Searched, StraightThrough

TRACED = ("sign+normalised", "react+periodic", "react+input_norm+resilient", "react+bases2+normalised")
TRACED += ("sign+bases2+learned_scale",)
BINARY = [name for name, one in METHODS.items() if one.is_binary]


def alternative(name, channels=4):
    torch.manual_seed(0)
    return SearchableUnit(UnitShape(channels, channels, 3), [name]).alternatives[name]


def test_what_each_binary_method_is_made_of():
    made = {name: alternative(name) for name in BINARY}
    assert {name: one.rule for name, one in made.items()} == {
        "sign": StraightThrough("xnor"),
        "bireal": StraightThrough("clipped"),
        "react": StraightThrough("clipped"),
        "dbs": Searched("hard"),
        "adabin": TwoLevels(),
        "lcb": StraightThrough("clipped"),
        "lcb_dynamic": StraightThrough("clipped"),
    }
    assert {name: one.input_gradient for name, one in made.items() if one.input_gradient == "clipped"} == {
        "sign": "clipped"
    }
    shifts = {name: type(one.shift) for name, one in made.items() if one.shift is not None}
    assert shifts == {"react": ChannelBias, "lcb": ChannelBias, "lcb_dynamic": DynamicChannelBias}
    posts = {name: type(one.post) for name, one in made.items() if one.post is not None}
    shifted = dict.fromkeys(("react", "lcb", "lcb_dynamic"), ShiftedPReLU)
    assert posts == shifted | {"dbs": PReLU, "adabin": Maxout}
    assert [name for name, one in made.items() if one.weight_shift is not None] == ["lcb", "lcb_dynamic"]
    assert [name for name, one in made.items() if one.scale is not None] == ["dbs"]


def test_options_stand_behind_a_name():
    unit = alternative("bireal+learned_scale+pad_minus_one+prelu")
    assert isinstance(unit, Binary)
    assert (unit.pad_value, type(unit.post), unit.scale.shape) == (-1.0, PReLU, (4,))
    plain, padded = method("sign"), method("sign+pad_minus_one")
    assert (plain.weight_bits, plain.input_bits) == (padded.weight_bits, padded.input_bits)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("dbz", r"No layer method is called 'dbz'. Did you mean 'dbs'\? Known: real, int8, int4, int2, sign"),
        (
            "sign+soft",
            "sign has no option 'soft'. It has: bases2, gate, input_norm, learned_scale, normalised, pad_minus",
        ),
        ("react+prelu", "react has no option 'prelu'. It has: bases2, gate, input_norm, learned_scale, normalised"),
        ("lcb_dynamic+input_norm", "lcb_dynamic has no option 'input_norm'"),
        ("lcb+normalised", "lcb has no option 'normalised'. It has: gate, input_norm, learned_scale, pad_minus_one."),
        ("lcb+bases2", "lcb has no option 'bases2'. It has: gate, input_norm"),
        ("dbs+periodic", "dbs has no option 'periodic'. It has: gate, hard, input_norm"),
        ("adabin+gate", "adabin has no option 'gate'. It has: pad_minus_one."),
        ("adabin+prelu", "adabin has no option 'prelu'. It has: pad_minus_one."),
        ("int8+gate", "int8 has no option 'gate'. It takes no options."),
        ("real+prelu", "real has no option 'prelu'. It takes no options."),
        ("sign+prelu+learned_scale", "in alphabetical order: sign\\+learned_scale\\+prelu"),
        ("sign+prelu+prelu", "each option once, in alphabetical order: sign\\+prelu"),
        ("sign+", "sign has no option ''"),
        ("react+normalised+periodic", "2 rules for its weights; allowed are normalised, periodic, rectified, res"),
        ("sign+normalised+periodic+resilient", "asks for 3 rules for its weights"),
        ("react+bases2+resilient", "resilient is of one binary weight; with bases2, take normalised, rectified or"),
        ("react+learned_scale+periodic", "periodic has a learned scale of its own; leave learned_scale out"),
        ("sign+learned_scale+prelu+resilient", "resilient has a learned scale of its own; leave learned_scale out"),
    ],
)
def test_a_name_that_means_nothing_or_asks_for_what_excludes_itself_is_refused(name, message):
    with pytest.raises(ValueError, match=message):
        method(name)


@pytest.mark.parametrize(
    "name",
    [
        *(*METHODS, "bireal+learned_scale", "sign+pad_minus_one", "bireal+prelu", "dbs+hard", "dbs+soft"),
        *(
            "react+bases2",
            "react+gate",
            "sign+input_norm",
            "react+normalised",
            "react+rectified",
            "sign+learned_scale+normalised",
            "react+periodic",
            "bireal+resilient",
            "sign+bases2+learned_scale",
        ),
    ],
)
def test_every_method_trains_all_that_it_has(name):
    torch.manual_seed(0)
    unit = SearchableUnit(UnitShape(8, 8, 3), [name]).train()
    for _ in range(2):  # the dynamic bias's first layer learns once its second isn't zero any more
        unit.zero_grad()
        (unit(torch.randn(4, 8, 6, 6)) ** 2).mean().backward()
        with torch.no_grad():
            for parameter in unit.parameters():
                if parameter.requires_grad:
                    parameter.sub_(0.1 * parameter.grad)
    trained = [(n, p) for n, p in unit.named_parameters() if not n.endswith("shift.norm.weight")]  # stays 1
    assert [n for n, p in trained if p.grad is None or not p.grad.any()] == []


def test_the_post_activation_stands_behind_the_shortcut():
    unit = SearchableUnit(UnitShape(4, 4, 3), ["bireal+prelu"]).eval()
    x = torch.randn(2, 4, 5, 5)
    inner = unit.alternatives["bireal+prelu"]
    with torch.no_grad():
        inner.post.weight.fill_(0.0)
    assert unit(x).min() == 0  # a PReLU of slope 0 is a ReLU over all that comes out
    torch.testing.assert_close(unit(x), (inner(x, unit.weight) + x).relu())


def test_a_searched_unit_owns_its_weight_and_starts_from_a_real_one():
    alone = SearchableUnit(UnitShape(4, 6, 3), ["dbs"])
    assert alone.weight is None
    assert not any(name == "weight" for name in alone.state_dict())
    both = SearchableUnit(UnitShape(4, 6, 3), ["real", "dbs"])
    assert both.weight is not None
    dbs = both.alternatives["dbs"]
    assert isinstance(dbs, DBS)
    assert torch.equal(sign(dbs.logits), sign(both.weight))
    real = torch.randn(6, 4, 3, 3)
    both.start_from(real)
    torch.testing.assert_close(dbs.logits.std((1, 2, 3)), torch.ones(6))
    assert torch.equal(sign(dbs.logits), sign(real))
    torch.testing.assert_close(dbs.scale, real.abs().mean((1, 2, 3)))


def test_a_relaxed_search_is_soft_in_training_alone():
    unit = SearchableUnit(UnitShape(4, 4, 3), ["dbs+soft", "dbs", "dbs+hard"])

    def convolved(name):
        inner = unit.alternatives[name]
        return inner._rule_now().effective(inner.logits, None)

    unit.eval()
    for name in unit.alternatives:
        assert torch.equal(convolved(name), sign(unit.alternatives[name].logits))
    unit.train()
    soft, annealed = unit.alternatives["dbs+soft"], unit.alternatives["dbs"]
    torch.testing.assert_close(convolved("dbs+soft"), torch.tanh(soft.logits / 2))
    for progress, temperature in ((0.0, 1.0), (0.375, 0.1**0.5), (0.7499, 0.1)):
        annealed.search_progress = progress
        expected = torch.tanh(annealed.logits / (2 * temperature))
        torch.testing.assert_close(convolved("dbs"), expected, rtol=0, atol=1e-3)
    assert torch.equal(convolved("dbs+hard"), sign(unit.alternatives["dbs+hard"].logits))
    annealed.search_progress = 0.75
    assert torch.equal(convolved("dbs"), sign(annealed.logits))


def test_a_weight_shift_moves_the_signs_and_the_scale():
    unit = SearchableUnit(UnitShape(2, 1, 1), ["lcb"]).eval()
    inner = unit.alternatives["lcb"]
    with torch.no_grad():
        unit.weight.copy_(torch.tensor([0.1, -0.5]).view(1, 2, 1, 1))
        inner.weight_shift.bias.fill_(-0.3)  # weights -0.2 and -0.8: both signs -1, scale 0.5
    trace = inner.trace(torch.ones(1, 2, 1, 1), unit.weight)
    assert trace.binary_weight.flatten().tolist() == [-1, -1]
    assert trace.scale.item() == pytest.approx(0.5)


def test_the_first_stage_of_two_has_binary_inputs_and_real_weights():
    unit = SearchableUnit(UnitShape(4, 4, 3), ["bireal", "adabin", "dbs"]).eval()
    x = torch.randn(2, 4, 5, 5)
    weights = dict.fromkeys(("bireal", "adabin"), unit.weight) | {
        "dbs": torch.tanh(unit.alternatives["dbs"].logits / 2)
    }
    for name, weight in weights.items():
        inner = unit.alternatives[name]
        inner.inputs_only = True
        scale = inner.scale.view(-1, 1, 1, 1) if inner.scale is not None else 1.0
        expected = inner.bn(nn.functional.conv2d(sign(x), weight * scale, padding=1))
        torch.testing.assert_close(inner(x, unit.weight), expected)


@pytest.mark.parametrize("name", [*BINARY, *TRACED])
def test_the_trace_says_what_was_convolved(name):
    unit = SearchableUnit(UnitShape(4, 4, 3), [name]).eval()
    inner = unit.alternatives[name]
    x = torch.randn(2, 4, 5, 5)
    trace = inner.trace(x, unit.weight)
    assert torch.equal(trace.binary_input, sign(trace.pre_sign))
    y = nn.functional.conv2d(trace.binary_input, trace.scaled_weight, padding=1)
    torch.testing.assert_close(inner(x, unit.weight), inner.bn(y))


def test_two_relaxations_are_no_choice():
    with pytest.raises(ValueError, match="asks for two relaxations"):
        method("dbs+hard+soft")


@pytest.mark.parametrize(("name", "learns"), [("dbs+hard", True), ("sign", False), ("sign+learned_scale", True)])
def test_which_choices_learn_their_scale(name, learns):
    assert learns_scale(name) is learns


def test_a_learned_scale_counts_by_its_magnitude():
    unit = SearchableUnit(UnitShape(2, 2, 1), ["bireal+learned_scale"], shortcut="none").eval()
    x = torch.randn(1, 2, 3, 3)
    with torch.no_grad():
        y = unit(x)
        unit.alternatives["bireal+learned_scale"].scale.neg_()
        assert torch.equal(unit(x), y)


def test_logits_may_start_from_noise():
    torch.manual_seed(0)
    unit = SearchableUnit(UnitShape(4, 4, 3), ["dbs+normal_start"])
    searched, weight = unit.alternatives["dbs+normal_start"], torch.rand(4, 4, 3, 3) + 0.5
    before = searched.logits.detach().clone()
    unit.start_from(weight)
    assert torch.equal(searched.logits, before)
    assert 0.8 < before.std() < 1.2
    torch.testing.assert_close(searched.scale, weight.mean((1, 2, 3)))


@pytest.mark.parametrize(
    ("name", "learned"),
    [
        *(("dbs", True), ("dbs+hard", True), ("sign", False), ("sign+learned_scale", True), ("bireal+prelu", False)),
        *(("react+bases2", False), ("react+normalised", False), ("react+periodic", True), ("react+resilient", True)),
    ],
)
def test_a_name_and_its_method_agree_on_whether_the_scale_is_learned(name, learned):
    assert method(name).learns_scale is learns_scale(name) is learned
