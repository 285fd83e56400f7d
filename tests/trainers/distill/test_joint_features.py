"""JDBNet's feature and attention guidance, by hand."""

import pytest
import torch

from spaces.detectors import DetectorOutput, Responses
from trainers.distill.joint_features import LEAST_NORM, JointAttention, JointFeatures

NO_RESPONSES = Responses([], [], torch.zeros(0, 4), "softmax", 0)
TERMS = [JointFeatures, JointAttention]


def output(**features):
    return DetectorOutput(features, NO_RESPONSES, decode=list)


def row(*channels):
    """One image, one row: a list of values a channel."""
    return torch.tensor(channels, dtype=torch.float)[None, :, None]


def test_normalised_maps_by_hand():
    # (0.6, 0.8) against (0.8, 0.6) is 2 * 0.2^2 = 0.08, (1, 0) against (0, 1) is 2: mean 1.04; p4 is proportional.
    student = output(p3=row([3, 4], [7, 0]), p4=row([1, 2, 3]))
    teacher = output(p3=row([4, 3], [0, 2]), p4=row([2, 4, 6]))
    joint = JointFeatures({"p3": 2, "p4": 1}, {"twin": {"p3": 2, "p4": 1}})
    assert joint(student, teacher, "twin").item() == pytest.approx(1.04 / 2)


def test_attention_by_hand():
    # Mean squares over channels: (3, 4) against (4, 3), of norm 5, so 0.08 again.
    student = output(p3=row([6**0.5, 0], [0, 8**0.5]))
    teacher = output(p3=row([-2, 3**0.5]))
    attention = JointAttention({"p3": 2}, {"big": {"p3": 1}})
    assert attention(student, teacher, "big").item() == pytest.approx(0.08, rel=1e-5)
    assert list(attention.parameters()) == []


@pytest.mark.parametrize("build", TERMS)
def test_equal_maps_cost_nothing_and_neither_does_another_magnitude(build):
    maps = {"p3": torch.randn(2, 4, 6, 6), "p4": torch.randn(2, 8, 3, 3)}
    term = build({"p3": 4, "p4": 8}, {"twin": {"p3": 4, "p4": 8}})
    assert term(output(**maps), output(**maps), "twin").item() == 0
    by_image = torch.tensor([0.5, 20.0]).view(2, 1, 1, 1)
    louder = {level: by_image * x for level, x in maps.items()}
    assert term(output(**louder), output(**maps), "twin").item() == pytest.approx(0, abs=1e-10)


def test_channels_are_normalised_one_by_one_and_attention_sees_none():
    ours, swapped = row([1, 0], [0, 5]), row([0, 5], [1, 0])
    joint = JointFeatures({"p3": 2}, {"twin": {"p3": 2}})
    assert joint(output(p3=ours), output(p3=swapped), "twin").item() == pytest.approx(2)
    attention = JointAttention({"p3": 2}, {"twin": {"p3": 2}})
    assert attention(output(p3=ours), output(p3=swapped), "twin").item() == 0


@pytest.mark.parametrize("build", TERMS)
def test_a_level_of_one_cell_is_left_out(build):
    """Normalised it is 1 or -1, without a gradient."""
    term = build({"p3": 1, "p4": 1}, {"twin": {"p3": 1, "p4": 1}})
    alone = build({"p3": 1}, {"twin": {"p3": 1}})
    student = output(p3=row([3, 4]), p4=row([1]))
    teacher = output(p3=row([4, 3]), p4=row([-1]))
    value = term(student, teacher, "twin")
    assert value.item() == alone(student, teacher, "twin").item() > 0


def test_the_value_does_not_grow_with_maps_or_batch():
    joint = JointFeatures({"p3": 1}, {"twin": {"p3": 1}})

    def value(batch, size):
        ours, theirs = torch.zeros(batch, 1, size, size), torch.zeros(batch, 1, size, size)
        ours[:, :, 0, 0] = theirs[:, :, 1, 1] = 3.0
        return joint(output(p3=ours), output(p3=theirs), "twin").item()

    assert value(1, 2) == value(4, 16) == pytest.approx(2)


@pytest.mark.parametrize("build", TERMS)
def test_a_teacher_map_of_another_size_is_resized(build):
    # Two rows of (0, 2) and (4, 6) become one of (2, 4).
    finer = output(p3=torch.tensor([[[[0.0, 2.0], [4.0, 6.0]]]]))
    term = build({"p3": 1}, {"big": {"p3": 1}})
    assert term(output(p3=row([1, 2])), finer, "big").item() == pytest.approx(0, abs=1e-12)
    assert term(output(p3=row([2, 1])), finer, "big").item() > 0.1


def test_student_and_adapter_learn_and_the_teacher_does_not():
    ours, theirs = torch.randn(1, 4, 3, 3).requires_grad_(), torch.randn(1, 6, 3, 3).requires_grad_()
    joint = JointFeatures({"p3": 4}, {"big": {"p3": 6}, "twin": {"p3": 4}})
    joint(output(p3=ours), output(p3=theirs), "big").backward()
    assert ours.grad.count_nonzero() == ours.numel()
    assert joint.adapters.of("big")["p3"].weight.grad.count_nonzero() > 0
    assert joint.adapters.of("twin")["p3"].weight.grad is None
    assert theirs.grad is None


def test_attention_teaches_the_student_alone():
    ours, theirs = torch.randn(1, 4, 3, 3).requires_grad_(), torch.randn(1, 6, 3, 3).requires_grad_()
    JointAttention({"p3": 4}, {"big": {"p3": 6}})(output(p3=ours), output(p3=theirs), "big").backward()
    assert ours.grad.count_nonzero() == ours.numel()
    assert theirs.grad is None


def test_a_channel_of_zeros_has_a_bounded_gradient():
    ours = torch.zeros(1, 1, 1, 2, requires_grad=True)
    loss = JointFeatures({"p3": 1}, {"twin": {"p3": 1}})(output(p3=ours), output(p3=row([3, 4])), "twin")
    assert loss.item() == pytest.approx(1)  # |0 - u|^2
    loss.backward()
    torch.testing.assert_close(ours.grad, row([-2 * 0.6 / LEAST_NORM, -2 * 0.8 / LEAST_NORM]))


@pytest.mark.parametrize("build", TERMS)
def test_levels_go_by_name_and_one_must_be_shared(build):
    term = build({"p2": 4, "p3": 4}, {"big": {"p3": 4, "p4": 4}})
    maps = {level: torch.randn(1, 4, 3, 3) for level in ("p2", "p3", "p4")}
    student, teacher = output(p2=maps["p2"], p3=maps["p3"]), output(p3=maps["p3"], p4=maps["p4"])
    assert term(student, teacher, "big").item() == 0
    with pytest.raises(ValueError, match=r"'flat' shares no pyramid level with the student: it has c5, the student p3"):
        build({"p3": 4}, {"flat": {"c5": 4}})


def test_only_the_places_given_are_compared():
    first = {"p3": torch.tensor([[[1.0, 0.0]]])}
    joint = JointFeatures({"p3": 1}, {"twin": {"p3": 1}}, places=lambda student, pairs: first)
    # The first summand of (0.6 - 0.8)^2 + (0.8 - 0.6)^2.
    assert joint(output(p3=row([3, 4])), output(p3=row([4, 3])), "twin").item() == pytest.approx(0.04)
