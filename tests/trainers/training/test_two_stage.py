"""Training and scoring a two-stage detector, which draws anchors and proposals at random."""

import pytest
import torch

from spaces.candidate import Candidate
from spaces.detectors import DetectorSpec, traced
from spaces.layers import SearchableUnit
from spaces.supernet import build_fixed, build_supernet
from trainers.devices import freeze
from trainers.distill import Distiller
from trainers.scoring.parts import ScoreSettings, pack
from trainers.scoring.scorer import Scorer
from trainers.training import step
from trainers.training.detector import train_detector
from trainers.training.loop import Task
from trainers.training.recalibrate import recalibrate
from trainers.training.settings import TrainSettings

SPEC = DetectorSpec(detector="faster_rcnn_resnet18", num_classes=3, image_size=96, width=0.125)
LAYERS = {"layer/backbone": "bireal", "layer/fpn": "dbs", "layer/rpn": "react"}
SETTINGS = TrainSettings(epochs=2, batch_size=4)


def build(layers=LAYERS):
    torch.manual_seed(0)
    return build_fixed(SPEC, Candidate(layers))


def trained(data, drawn=0, **of_task):
    """The state of a training before which so many random numbers were drawn."""
    network = build()
    torch.rand(drawn)
    train_detector(network, data, SETTINGS, Task(**{"seed": 1, "stage": "twin"} | of_task))
    return network.state_dict()


def is_unit(module):
    return isinstance(module, SearchableUnit)


def differing(one, other):
    return [name for name in one if not torch.equal(one[name], other[name])]


def test_the_same_seed_draws_the_same_samples(blobs):
    first = trained(blobs(8))
    assert differing(first, trained(blobs(8), drawn=5)) == []
    assert differing(first, trained(blobs(8), seed=2)) != []


@pytest.mark.usefixtures("every_step_is_kept")
def test_a_training_goes_on_where_it_was_cut_off(blobs, tmp_path, monkeypatch):
    unbroken, path = trained(blobs(8)), tmp_path / "twin.state"
    check, calls = step.check_finite, []

    def cut_off(*arguments):
        calls.append(1)
        if len(calls) == 4:  # the second step of the second epoch
            raise KeyboardInterrupt
        return check(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(step, "check_finite", cut_off)
        with pytest.raises(KeyboardInterrupt):
            trained(blobs(8), resume_from=path)
    assert differing(unbroken, trained(blobs(8), drawn=5, resume_from=path)) == []


def test_all_terms_of_lws_det_teach_it(images, targets):
    terms = ("feature_hint", "fgfi", "angular", "amplitude", "weight_reconstruction")
    twin = freeze(build({}))
    student = build().train()
    distiller = Distiller(student, {"twin": twin}, {term: ["twin"] for term in terms})
    candidate = Candidate({**LAYERS, **{f"teacher/{term}": "twin" for term in terms}})
    with traced(student):
        output = student(images, targets)
    assert len(output.layers) == 16 + 8 + 1
    losses = distiller.losses(candidate, images, output)
    assert losses.keys() == set(terms)
    assert all(loss.isfinite() and loss > 0 for loss in losses.values())
    losses["angular"].backward(retain_graph=True)
    assert student.rpn.head.conv.weight.grad.count_nonzero()
    assert student.fpn.p5.output.alternatives["dbs"].logits.grad.count_nonzero()


def test_recalibration_never_runs_the_second_stage_and_leaves_its_ranges(blobs, monkeypatch):
    network = build(LAYERS | dict.fromkeys(("layer/heads.fc", "layer/heads.cls", "layer/heads.box"), "int8"))
    ranges = [unit.alternatives["int8"].largest.fill_(7.0) for unit in network.roi_heads.modules() if is_unit(unit)]
    assert len(ranges) == 4

    def fail(_):
        raise AssertionError("the second stage has no BatchNorm")

    monkeypatch.setattr(network.roi_heads.box_head, "forward", fail)
    recalibrate(network, [[torch.from_numpy(image / 255).float() for image in blobs(4).images]])
    assert [largest.item() for largest in ranges] == [7.0] * 4


def test_a_candidate_adapts_alike_whatever_was_drawn_before(blobs, monkeypatch):
    torch.manual_seed(0)
    supernet = build_supernet(SPEC, dict.fromkeys(("backbone", "fpn", "rpn"), ("real", "bireal")))
    parts = pack(
        spec=SPEC,
        settings=ScoreSettings(adapt_steps=2, batch_size=4, recalibrate_images=4, device="cpu"),
        supernet=supernet.state_dict(),
        distiller={},
        terms={},
        teachers={},
        train=blobs(8),
        val=blobs(4, seed=2),
    )
    scorer, seen = Scorer(parts), []

    def keep(losses, *_):
        seen.append({name: loss.item() for name, loss in losses.items()})

    monkeypatch.setattr("trainers.scoring.scorer.check_finite", keep)
    candidate = Candidate({"layer/backbone": "bireal", "layer/fpn": "real", "layer/rpn": "bireal"})
    scores = [scorer.score(candidate)]
    torch.rand(7)
    scores.append(scorer.score(candidate))
    assert seen[:2] == seen[2:]
    assert seen[0] != seen[1]
    assert scores[0].metrics == scores[1].metrics
