"""Teachers' outputs computed once: what is read is what would be computed, and never something stale."""

import pickle
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch

from spaces.candidate import Candidate
from spaces.detectors import DetectorSpec
from spaces.supernet import build_fixed
from trainers.data.batches import batches
from trainers.devices import freeze
from trainers.distill import TERMS, Distiller
from trainers.distill.teacher_cache import bytes_of, kept_outputs
from trainers.scoring.parts import ScoreSettings, pack, seen_by
from trainers.scoring.scorer import Scorer
from trainers.teacher import Teacher

CPU = torch.device("cpu")
SETTINGS = ScoreSettings(adapt_steps=5, batch_size=4, recalibrate_images=4, adapt_learning_rate=1e-3, device="cpu")
TAUGHT = Candidate({"layer/backbone": "sign", "teacher/feature_hint": "twin", "weight/feature_hint": 1.0})


@pytest.fixture
def twin(fixed):
    return freeze(fixed("real", seed=3))


@pytest.fixture
def keep(tmp_path, twin, spec):
    def keep(images, network=twin, **described):
        return kept_outputs(tmp_path, network, {**asdict(spec), **described}, images, 4)

    return keep


@pytest.fixture
def not_again(monkeypatch):
    def compute(*_):
        raise AssertionError("computed anew")

    return lambda: monkeypatch.setattr("trainers.distill.teacher_cache._compute", compute)


def test_what_is_kept_is_the_teachers_output_to_half_precision(keep, twin, blobs):
    images = blobs(10)
    known = keep(images).output(2, 7, CPU)
    seen = next(iter(batches(images, 10, seed=0, epoch=0, augment=False)))[0][2:7]
    with torch.no_grad():
        live = twin(seen)
    pairs = [(known.features[level], x) for level, x in live.features.items()]
    pairs += list(zip(known.responses.cls, live.responses.cls, strict=True))
    pairs += list(zip(known.responses.box, live.responses.box, strict=True))
    for ours, theirs in pairs:
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-3)
    assert torch.equal(known.responses.anchors, live.responses.anchors)
    assert (known.responses.activation, known.responses.background, known.responses.bins) == ("softmax", 0, None)
    with pytest.raises(ValueError, match="Detections aren't kept"):
        _ = known.detections


def test_a_quality_and_edge_distributions_are_kept_too(tmp_path, blobs):
    spec = DetectorSpec(detector="gfl_resnet18", num_classes=3, image_size=96, width=0.125)
    network = freeze(build_fixed(spec, Candidate({})))
    known = kept_outputs(tmp_path, network, asdict(spec), blobs(3), 2).output(0, 3, CPU).responses
    assert known.bins == 17
    assert [tuple(x.shape) for x in known.quality][:2] == [(3, 1, 12, 12), (3, 1, 6, 6)]
    assert bytes_of(network, blobs(3)) == sum(
        file.stat().st_size - 128 for file in tmp_path.glob("*/*.npy") if file.name != "anchors.npy"
    )


def test_it_is_computed_once(keep, blobs, not_again):
    first = keep(blobs(6))
    not_again()
    again = keep(blobs(6))
    assert all(np.array_equal(array, again.arrays[name]) for name, array in first.arrays.items())
    assert isinstance(again.arrays["cls/0"], np.memmap)


def test_nothing_stale_is_read(keep, blobs, fixed, not_again, spec):
    images = blobs(6)
    keep(images)
    not_again()
    retouched = replace(images, images=images.images ^ 1)  # the same names and objects
    for changed in ({"images": retouched}, {"images": blobs(5)}, {"network": freeze(fixed("real", seed=4))}):
        with pytest.raises(AssertionError, match="computed anew"):
            keep(**{"images": images, **changed})
    with pytest.raises(AssertionError, match="computed anew"):
        keep(images, image_size=spec.image_size * 2)


def test_what_half_precision_can_not_hold_is_not_kept(keep, twin, blobs, tmp_path):
    with torch.no_grad():
        next(p for name, p in twin.named_parameters() if name.startswith("cls_heads") and p.ndim == 1).fill_(1e6)
    assert keep(blobs(4)) is None
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["0.npy", "anchors.npy", "form.json", "sha256sums"])
@pytest.mark.parametrize("damage", ["empty", "cut", "flipped", "gone"])
def test_a_damaged_file_is_made_anew(keep, blobs, tmp_path, name, damage):
    images = blobs(3)
    first = keep(images)
    arrays, anchors = {key: np.array(array) for key, array in first.arrays.items()}, first.anchors
    (file,) = tmp_path.glob(f"*/{name}")
    content = bytearray(file.read_bytes())
    content[-20] ^= 1  # a coordinate, a logit, a name of a file: nothing that can't be read
    file.unlink()
    if damage != "gone":
        file.write_bytes({"empty": b"", "cut": content[:150], "flipped": content}[damage])
    again = keep(images)
    assert again.form == first.form
    assert np.array_equal(again.anchors, anchors)
    assert all(np.array_equal(again.arrays[key], array) for key, array in arrays.items())


def test_known_outputs_are_shared_between_processes_and_of_the_scorers_images(keep, twin, spec, blobs):
    images = blobs(8)
    parts = {"spec": spec, "settings": SETTINGS, "supernet": {}, "distiller": {}, "terms": {}, "val": blobs(2)}
    parts["teachers"] = {"twin": Teacher(twin, spec, Candidate({}))}
    buffers = []
    pickle.dumps(pack(**parts, train=images, known={"twin": keep(images)}), 5, buffer_callback=buffers.append)
    largest = keep(images).arrays["features/p2"].nbytes
    assert largest in [buffer.raw().nbytes for buffer in buffers]
    with pytest.raises(ValueError, match="The known outputs of twin are not those of the 6 images"):
        pack(**parts, train=blobs(6), known={"twin": keep(images)})


def test_what_a_kill_left_is_made_anew(keep, blobs, tmp_path):
    images = blobs(6)
    expected = np.array(keep(images).arrays["cls/0"])
    (sums,) = tmp_path.glob("*/sha256sums")
    sums.unlink()
    (sums.parent / "0.npy").write_bytes(b"half")
    (sums.parent / ".form.json.123.part").write_bytes(b"half")
    assert np.array_equal(keep(images).arrays["cls/0"], expected)
    assert not list(tmp_path.glob("*/.*"))


@pytest.mark.parametrize("detector", ["ssd_resnet18", "gfl_sdgqp_resnet18"])
def test_a_step_with_known_outputs_has_the_live_steps_losses(detector, spec, blobs, tmp_path, monkeypatch):
    """For every term that reads a teacher's output. Adversarial terms read it in the discriminators' loss."""
    shape, images = replace(spec, detector=detector), blobs(4)
    torch.manual_seed(0)
    student = build_fixed(shape, Candidate({"layer/backbone": "sign"}))
    torch.manual_seed(3)
    teacher = freeze(build_fixed(shape, Candidate({})))
    terms = {name: ["big"] for name, term in TERMS.items() if not term.compares_layers}
    distiller = Distiller(student, {"big": teacher}, terms)
    candidate = Candidate({f"teacher/{term}": "big" for term in terms})
    inputs, targets = next(iter(batches(images, 4, seed=0, epoch=0, augment=False)))
    made = student(inputs, targets)
    live = distiller.losses(candidate, inputs, made)
    known = kept_outputs(tmp_path, teacher, asdict(shape), images, 4).output(0, 4, CPU)
    monkeypatch.setattr(teacher, "forward", None)
    cached = distiller.losses(candidate, inputs, made, lambda name: known)
    games = {f"{term} discriminators" for term in terms if term.startswith("adversarial")}
    assert set(cached) == set(live) == set(terms) | games
    for term, loss in live.items():
        assert loss.item() != 0, term
        assert cached[term].item() == pytest.approx(loss.item(), rel=1e-3, abs=0), term


def test_scores_run_no_teacher_whose_outputs_are_known(keep, twin, spec, supernet, blobs, monkeypatch):
    images = seen_by(SETTINGS, blobs(12, seed=1))
    distiller = Distiller(supernet, {"twin": twin}, {"feature_hint": ["none", "twin"]})
    parts = {
        "spec": spec,
        "settings": SETTINGS,
        "supernet": supernet.state_dict(),
        "distiller": distiller.state_dict(),
        "terms": {"feature_hint": ["none", "twin"]},
        "teachers": {"twin": Teacher(twin, spec, Candidate({"layer/backbone": "real"}))},
        "train": images,
        "val": blobs(8, seed=2),
    }
    seen = {"live": [], "known": []}

    def watch(kind):
        def keep_losses(losses, *_):
            seen[kind].append(losses["feature_hint"].item())

        monkeypatch.setattr("trainers.scoring.scorer.check_finite", keep_losses)

    watch("live")
    Scorer(pack(**parts)).score(TAUGHT)
    watch("known")
    scorer = Scorer(pack(**parts, known={"twin": keep(images)}))
    monkeypatch.setattr(scorer._teachers["twin"], "forward", None)
    scorer.score(TAUGHT)
    assert len(seen["known"]) == 5  # the images are gone through again
    assert seen["known"] == pytest.approx(seen["live"], rel=5e-3)
