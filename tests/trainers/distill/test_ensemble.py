import math

import pytest
import torch

from spaces.candidate import Candidate
from spaces.detectors import DetectorOutput, DetectorSpec, Responses
from spaces.supernet import build_fixed
from trainers.devices import freeze
from trainers.distill import Distiller
from trainers.distill.ensemble import Ensemble, average_features, average_responses

HINT = Candidate({"teacher/feature_hint": "ensemble", "weight/feature_hint": 1.0})


def maps(*values):
    return torch.tensor(values, dtype=torch.float32).view(1, -1, 1, 1)


def output(cls, box, *, bins=None, activation="softmax", quality=None):
    background = 0 if activation == "softmax" else None
    anchors = torch.zeros(1, 4)
    responses = Responses([cls], [box], anchors, activation, background, bins, None if quality is None else [quality])
    return DetectorOutput({"p3": cls}, responses, list)


def test_probabilities_of_classes_are_averaged_and_offsets_too():
    one = output(maps(math.log(0.2), math.log(0.8)), maps(1, 2, 3, 4))
    other = output(maps(math.log(6.0), math.log(4.0)), maps(3, 2, 1, 0))
    mean = average_responses([one, other]).responses
    torch.testing.assert_close(mean.cls[0].softmax(1), maps(0.4, 0.6))
    torch.testing.assert_close(mean.box[0], maps(2, 2, 2, 2))


def test_sigmoid_scores_qualities_and_edge_distributions_are_averaged_as_probabilities():
    edges = [torch.rand(1, 12, 1, 1), torch.rand(1, 12, 1, 1)]
    pair = [
        output(maps(0.0), edges[0], bins=3, activation="sigmoid", quality=maps(math.log(3))),
        output(maps(math.log(4)), edges[1], bins=3, activation="sigmoid", quality=maps(-math.log(3))),
    ]
    mean = average_responses(pair).responses
    torch.testing.assert_close(mean.cls[0].sigmoid(), maps(0.65))
    torch.testing.assert_close(mean.quality[0].sigmoid(), maps(0.5))
    expected = torch.stack([x.view(1, 4, 3).softmax(2) for x in edges]).mean(0)
    torch.testing.assert_close(mean.box[0].view(1, 4, 3).softmax(2), expected)


def test_maps_are_averaged_in_the_size_of_the_first():
    one, other = output(torch.full((1, 1, 2, 2), 1.0), maps(0)), output(torch.full((1, 1, 4, 4), 3.0), maps(0))
    torch.testing.assert_close(average_features([one, other]).features["p3"], torch.full((1, 1, 2, 2), 2.0))
    with pytest.raises(ValueError, match=r"Level p3 of the ensemble's teachers has 1, 2 channels"):
        average_features([one, output(torch.zeros(1, 2, 2, 2), maps(0))])


def test_responses_of_other_shapes_have_no_average():
    with pytest.raises(ValueError, match="don't fit"):
        average_responses([output(maps(0, 1), maps(1, 2, 3, 4)), output(maps(0, 1, 2), maps(1, 2, 3, 4))])


def test_a_mode_that_is_none_is_refused():
    with pytest.raises(ValueError, match="The mode is 'vote', must be sum_losses, random_teacher"):
        Ensemble(("a",), "vote")


@pytest.fixture
def taught(fixed, images, targets):
    """From a mode to the loss of a student by an ensemble of two, and its losses by either."""
    student = fixed("sign")
    teachers = {"a": freeze(fixed("real", seed=1)), "b": freeze(fixed("real", seed=2))}
    made = student(images, targets)

    def losses(mode):
        distiller = Distiller(student, teachers, {"feature_hint": ["a", "b", "ensemble"]}, Ensemble(("a", "b"), mode))
        both, *each = (
            distiller.losses(HINT.replace({"teacher/feature_hint": name}), images, made)["feature_hint"].item()
            for name in ("ensemble", "a", "b")
        )
        return both, each

    return losses


def test_losses_are_summed(taught):
    both, each = taught("sum_losses")
    assert both == pytest.approx(sum(each), rel=1e-6)


def test_one_teacher_is_drawn_a_step_from_torchs_generator(taught):
    drawn = []
    for seed in range(16):
        torch.manual_seed(seed)
        both, each = taught("random_teacher")
        assert both in each
        drawn.append(each.index(both))
    assert set(drawn) == {0, 1}
    torch.manual_seed(3)
    both, each = taught("random_teacher")
    assert each.index(both) == drawn[3]


def test_all_terms_of_a_step_meet_the_same_teacher(fixed, images, targets):
    student = fixed("sign")
    teachers = {"a": freeze(fixed("real", seed=1)), "b": freeze(fixed("real", seed=2))}
    terms = {"feature_hint": ["a", "b", "ensemble"], "adversarial": ["a", "b", "ensemble"]}
    distiller = Distiller(student, teachers, terms, Ensemble(("a", "b"), "random_teacher"))
    made = student(images, targets)
    met = set()
    for seed in range(6):
        torch.manual_seed(seed)
        torch.rand(seed)  # what else a candidate draws
        by_teacher = {
            name: distiller.losses(Candidate({f"teacher/{term}": name for term in terms}), images, made)
            for name in ("ensemble", "a", "b")
        }
        same = [all(by_teacher["ensemble"][term] == by_teacher[name][term] for term in terms) for name in ("a", "b")]
        assert sum(same) == 1
        met.add(same.index(True))
    assert met == {0, 1}


def test_an_average_of_responses_leaves_no_second_stage():
    spec = DetectorSpec(detector="faster_rcnn_resnet18", num_classes=3, image_size=96, width=0.125)
    student = build_fixed(spec, Candidate({}))
    pair = Ensemble(("a", "b"), "average_responses")
    with pytest.raises(ValueError, match="average_responses averages no second stages"):
        Distiller(student, {"a": student, "b": student}, {"joint_cls": ["ensemble"]}, pair)


def test_an_average_teaches_as_one(fixed, images, targets):
    student, twin = fixed("sign"), freeze(fixed("real", seed=1))
    made = student(images, targets)
    alone = Distiller(student, {"a": twin}, {"feature_hint": ["a"]})
    expected = alone.losses(HINT.replace({"teacher/feature_hint": "a"}), images, made)["feature_hint"]
    twice = Ensemble(("a", "b"), "average_features")
    distiller = Distiller(student, {"a": twin, "b": twin}, {"feature_hint": ["ensemble"]}, twice)
    assert distiller.losses(HINT, images, made)["feature_hint"].item() == pytest.approx(expected.item())


@pytest.mark.parametrize(
    ("detector", "terms"),
    [
        ("ssd_resnet18", ("joint_cls", "joint_box", "response_cls", "response_loc")),
        ("gfl_sdgqp_resnet18", ("response_cls", "response_loc", "response_quality")),
    ],
)
def test_an_average_of_real_detectors_responses_is_each_of_them_where_they_agree(detector, terms, images, targets):
    spec = DetectorSpec(detector=detector, num_classes=3, image_size=96, width=0.125)

    def built(seed, method="real"):
        torch.manual_seed(seed)
        return build_fixed(spec, Candidate({"layer/backbone": method}))

    student, one, other = built(0, "sign").train(), freeze(built(1)), freeze(built(2))

    def losses(members):
        ensemble = Ensemble(tuple(members), "average_responses")
        distiller = Distiller(student, members | {"one": one}, {term: ["ensemble", "one"] for term in terms}, ensemble)
        torch.manual_seed(3)
        with torch.no_grad():
            made = student(images, targets)
        ask = {name: Candidate({f"teacher/{term}": name for term in terms}) for name in ("ensemble", "one")}
        return [distiller.losses(ask[name], images, made) for name in ("ensemble", "one")]

    averaged, alone = losses({"a": one, "b": one})
    assert set(averaged) == set(terms)
    for term in terms:
        assert averaged[term].item() == pytest.approx(alone[term].item(), rel=1e-4)
    averaged, alone = losses({"a": one, "b": other})
    assert all(averaged[term].item() != pytest.approx(alone[term].item(), rel=1e-4) for term in terms)
