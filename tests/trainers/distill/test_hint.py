import pytest
import torch

from spaces.detectors import DetectorOutput, Responses
from trainers.distill.hint import FeatureHint

NO_RESPONSES = Responses([], [], torch.zeros(0, 4), "softmax", 0)


def output(**features):
    return DetectorOutput(features, NO_RESPONSES, decode=list)


def test_equal_maps_behind_identity_adapters_cost_nothing():
    maps = {"p3": torch.randn(2, 4, 6, 6), "p4": torch.randn(2, 8, 3, 3)}
    hint = FeatureHint({"p3": 4, "p4": 8}, {"twin": {"p3": 4, "p4": 8}})
    assert hint(output(**maps), output(**maps), "twin").item() == 0


def test_a_hint_by_hand():
    student = output(p3=torch.tensor([[[[1.0, 2.0]]]]), p4=torch.full((1, 2, 1, 1), 3.0))
    teacher = output(p3=torch.tensor([[[[0.0, 4.0]]]]), p4=torch.tensor([[[[3.0]], [[9.0]]]]))
    hint = FeatureHint({"p3": 1, "p4": 2}, {"twin": {"p3": 1, "p4": 2}})
    # ((1 - 0)^2 + (2 - 4)^2) / 2 = 2.5 on p3, (0 + 6^2) / 2 = 18 on p4.
    assert hint(student, teacher, "twin").item() == pytest.approx((2.5 + 18) / 2)
    with torch.no_grad():
        hint.adapters.of("twin")["p3"].weight.fill_(2.0)  # 2 and 4 against 0 and 4
    assert hint(student, teacher, "twin").item() == pytest.approx((2 + 18) / 2)


def test_the_student_and_its_adapter_get_a_gradient_and_the_teacher_none():
    ours, theirs = torch.randn(1, 4, 3, 3).requires_grad_(), torch.randn(1, 6, 3, 3).requires_grad_()
    hint = FeatureHint({"p3": 4}, {"big": {"p3": 6}, "twin": {"p3": 4}})
    hint(output(p3=ours), output(p3=theirs), "big").backward()
    assert ours.grad.count_nonzero() == ours.numel()
    assert theirs.grad is None
    assert hint.adapters.of("big")["p3"].weight.grad.count_nonzero() > 0
    assert hint.adapters.of("twin")["p3"].weight.grad is None  # each teacher has its own


@pytest.mark.parametrize("name", ["half", "big.v2", "train", "keys", "0", "forward"])
def test_a_teacher_may_have_any_name(name):
    hint = FeatureHint({"p3": 4}, {"twin": {"p3": 4}, name: {"p3": 6}})
    assert hint.adapters.of(name)["p3"].weight.shape == (6, 4, 1, 1)
    assert hint(output(p3=torch.zeros(1, 4, 2, 2)), output(p3=torch.ones(1, 6, 2, 2)), name).item() == 1.0
    assert list(hint.state_dict()) == ["adapters.0.p3.weight", "adapters.1.p3.weight"]


def test_maps_of_another_width_and_size_are_adapted():
    hint = FeatureHint({"p3": 4}, {"big": {"p3": 6}})
    assert hint.adapters.of("big")["p3"].weight.shape == (6, 4, 1, 1)
    assert hint.adapters.of("big")["p3"].bias is None
    flat = hint(output(p3=torch.zeros(2, 4, 3, 5)), output(p3=torch.full((2, 6, 7, 4), 3.0)), "big")
    assert flat.item() == pytest.approx(9.0)  # a constant map stays constant when resized


def test_a_finer_teacher_map_is_read_between_its_cells():
    fine = torch.tensor([[[[0.0, 2.0], [4.0, 6.0]]]])
    hint = FeatureHint({"p3": 1}, {"big": {"p3": 1}})
    assert hint(output(p3=torch.full((1, 1, 1, 1), 3.0)), output(p3=fine), "big").item() == pytest.approx(0.0)


def test_levels_that_only_one_side_has_are_left_out():
    hint = FeatureHint({"p2": 4, "p3": 4}, {"big": {"p3": 4, "p4": 4}})
    assert list(hint.adapters.of("big")) == ["p3"]
    student, teacher = output(p2=torch.ones(1, 4, 2, 2), p3=torch.ones(1, 4, 1, 1)), output(p3=torch.zeros(1, 4, 1, 1))
    assert hint(student, teacher, "big").item() == pytest.approx(1.0)


def test_a_teacher_without_a_shared_level_is_refused():
    message = r"The teacher 'flat' shares no pyramid level with the student: it has c5, the student p3, p4\."
    with pytest.raises(ValueError, match=message):
        FeatureHint({"p3": 4, "p4": 4}, {"big": {"p3": 4}, "flat": {"c5": 4}})


def test_the_mean_does_not_grow_with_the_maps():
    hint = FeatureHint({"p3": 2, "p4": 2}, {"twin": {"p3": 2, "p4": 2}})

    def pair(batch, size):
        return [
            output(p3=torch.full((batch, 2, size, size), v), p4=torch.full((batch, 2, 1, 1), v)) for v in (0.0, 2.0)
        ]

    assert hint(*pair(1, 2), "twin").item() == hint(*pair(8, 16), "twin").item() == pytest.approx(4.0)


def test_only_the_places_given_count_and_levels_without_any_are_zero():
    ours = output(p3=torch.zeros(1, 2, 1, 3), p4=torch.zeros(1, 2, 1, 1))
    theirs = output(p3=torch.tensor([[[[1.0, 2.0, 9.0]], [[3.0, 4.0, 9.0]]]]), p4=torch.ones(1, 2, 1, 1))
    masks = {"p3": torch.tensor([[[1.0, 1.0, 0.0]]]), "p4": torch.zeros(1, 1, 1)}
    hint = FeatureHint({"p3": 2, "p4": 2}, {"twin": {"p3": 2, "p4": 2}}, places=lambda student, pairs: masks)
    # The first two places of p3: ((1 + 9) / 2 + (4 + 16) / 2) / 2 = 7.5, and p4 has none.
    assert hint(ours, theirs, "twin").item() == pytest.approx(7.5 / 2)
