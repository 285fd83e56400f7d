"""A training that was interrupted ends bit for bit where an uninterrupted one does."""

import pytest
import torch
from PIL import Image

from trainers.data.decoding import Memory, decode
from trainers.data.sample import DetectionData, Sample
from trainers.data.streaming.cache import Streaming

pytestmark = pytest.mark.usefixtures("every_step_is_kept")


def assert_same(one, other):
    one, other = one.state_dict(), other.state_dict()
    assert [name for name in one if not torch.equal(one[name], other[name])] == []


@pytest.fixture
def unbroken(toy, train_toy, blobs):
    """From a number of images to the modules that were trained on them without an interruption."""

    def train(count):
        modules = toy()
        train_toy(modules, blobs(count))
        return modules

    return train


@pytest.mark.parametrize("fail_at", [(1, 0), (2, 1), (3, 1)])
def test_a_training_cut_off_in_a_step_ends_where_the_unbroken_one_does(
    toy, train_toy, unbroken, tmp_path, blobs, fail_at
):
    data, path = blobs(10), tmp_path / "toy.state"
    with pytest.raises(KeyboardInterrupt):
        train_toy(toy(), data, fail_at=fail_at, resume_from=path)
    resumed = toy(seed=9)  # the new process's weights are replaced by the saved ones
    steps = train_toy(resumed, data, resume_from=path)
    assert steps[0] == fail_at  # the steps before it in its epoch aren't done again
    assert_same(resumed, unbroken(10))


@pytest.fixture
def from_a_disk(tmp_path):
    """The same images, of which a worker reads each when it is needed."""

    def streamed(data):
        samples = []
        for index, image_id in enumerate(data.image_ids):
            file = tmp_path / f"{image_id}.png"
            Image.fromarray(data.images[index].transpose(1, 2, 0)).save(file)
            samples.append(Sample(image_id, file, data.resized.size, data.resized.size, **data.target(index)))
        listed = DetectionData(data.class_names, tuple(samples))
        return decode(listed, data.resized, Memory(0.001, Streaming(tmp_path / "cache", workers=1)))

    return streamed


@pytest.mark.parametrize("fail_at", [(1, 1), (2, 1)])
def test_images_on_a_disk_make_no_difference_to_a_training_cut_off_in_mid_epoch(
    toy, train_toy, unbroken, tmp_path, blobs, from_a_disk, fail_at
):
    path = tmp_path / "toy.state"
    with pytest.raises(KeyboardInterrupt):
        train_toy(toy(), from_a_disk(blobs(10)), fail_at=fail_at, resume_from=path)
    resumed = toy(seed=9)
    steps = train_toy(resumed, from_a_disk(blobs(10)), resume_from=path)
    assert steps[0] == fail_at
    assert_same(resumed, unbroken(10))


@pytest.mark.parametrize("stop_after", [1, 2, 3])
def test_a_training_cut_off_before_it_saved_goes_back_a_step(
    toy, train_toy, unbroken, tmp_path, blobs, recorded_progress, stop_after
):
    data, path = blobs(10), tmp_path / "toy.state"
    with pytest.raises(KeyboardInterrupt):
        train_toy(toy(), data, progress=recorded_progress(stop_after), resume_from=path)
    resumed = toy()
    assert train_toy(resumed, data, resume_from=path)[0] == (stop_after - 1, 1)
    assert_same(resumed, unbroken(10))


def test_a_training_may_be_cut_off_many_times(toy, train_toy, unbroken, tmp_path, blobs):
    data, path = blobs(8), tmp_path / "toy.state"
    for epoch in (1, 2, 3):
        with pytest.raises(KeyboardInterrupt):
            train_toy(toy(seed=epoch - 1), data, fail_at=(epoch, 1), resume_from=path)
    resumed = toy()
    train_toy(resumed, data, resume_from=path)
    assert_same(resumed, unbroken(8))


@pytest.mark.parametrize(("keep_end", "again"), [(False, [(1, 1)]), (True, [])])
def test_the_very_end_is_kept_where_it_is_asked_for(toy, train_toy, tmp_path, blobs, keep_end, again):
    data, path = blobs(8), tmp_path / "toy.state"
    train_toy(toy(), data, epochs=2, resume_from=path, keep_end=keep_end)
    assert train_toy(toy(), data, epochs=2, resume_from=path, keep_end=keep_end) == again


@pytest.mark.parametrize(
    "changes", [{"epochs": 5}, {"seed": 7}, {"stage": "other"}, {"described_as": {"a": 1}}, {"data": "other images"}]
)
def test_a_state_of_another_training_is_not_gone_on_from(toy, train_toy, tmp_path, blobs, changes):
    path, data = tmp_path / "toy.state", blobs(4)
    with pytest.raises(KeyboardInterrupt):
        train_toy(toy(), data, fail_at=(2, 0), resume_from=path)
    saved = path.read_bytes()
    assert train_toy(toy(), data, resume_from=path)[0] == (2, 0)  # without a change it goes on
    path.write_bytes(saved)
    other = blobs(4, seed=9) if "data" in changes else data
    options = {name: value for name, value in changes.items() if name != "data"}
    assert train_toy(toy(), other, resume_from=path, **options)[0] == (0, 0)


def test_a_state_of_another_version_is_not_gone_on_from_and_a_note_says_so(
    toy, train_toy, tmp_path, blobs, recorded_progress
):
    path, progress = tmp_path / "toy.state", recorded_progress()
    torch.save({"epoch": 2}, path)
    assert train_toy(toy(), blobs(4), resume_from=path, progress=progress)[0] == (0, 0)
    what = "the unfinished state has other settings, other data or another version"
    assert progress.events[:2] == [("note", f"toy: begins anew, {what}"), ("stage", "toy", 4)]


def test_a_state_that_the_first_versions_saved_is_gone_on_from(toy, train_toy, unbroken, tmp_path, blobs):
    """They kept rates by flat keys, as now, and the accuracies of discriminators in a list of their own."""
    data, path = blobs(8), tmp_path / "toy.state"
    with pytest.raises(KeyboardInterrupt):
        train_toy(toy(), data, fail_at=(2, 1), resume_from=path)
    state = torch.load(path, weights_only=True)
    assert state["identity"] == {
        "epochs": 4,
        "batch_size": 4,
        "learning_rate": 2e-3,
        "logit_learning_rate": 2e-2,
        "discriminator_learning_rate": 1e-3,
        "weight_decay": 1e-4,
        "clip_norm": 10.0,
        "seed": 3,
        "stage": "toy",
        "data": data.fingerprint(),
    }
    del state["position"]["reported"]
    state["position"]["accuracies"] = [0.5]
    torch.save(state, path)
    resumed = toy()
    assert train_toy(resumed, data, resume_from=path)[0] == (2, 1)
    assert_same(resumed, unbroken(8))
