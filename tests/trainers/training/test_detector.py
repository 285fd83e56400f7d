import pytest
import torch

from spaces.candidate import NO_TEACHER, Candidate
from trainers.data.batches import batches
from trainers.devices import freeze, pick_device
from trainers.distill import Distiller
from trainers.inference import voc_metrics
from trainers.training import step
from trainers.training.detector import Distillation, train_detector
from trainers.training.finiteness import DivergedError
from trainers.training.inputs_first import unfinished_files
from trainers.training.loop import Task
from trainers.training.recalibrate import recalibrate
from trainers.training.searched_signs import searches
from trainers.training.settings import TrainSettings

SETTINGS = TrainSettings(epochs=2, batch_size=4)
OFF = Candidate({"layer/backbone": "bireal", "teacher/feature_hint": NO_TEACHER})
ON = Candidate({"layer/backbone": "bireal", "teacher/feature_hint": "twin", "weight/feature_hint": 1.0})


def state_of(network):
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


def differing(one, other):
    return [name for name in one if not torch.equal(one[name], other[name])]


@pytest.fixture
def twin(fixed, blobs):
    """A teacher without knowledge, but with maps of the usual size."""
    network = freeze(fixed("real", seed=5))
    recalibrate(network, [[torch.from_numpy(image / 255).float() for image in blobs(8).images]])
    return network


@pytest.fixture
def trained(fixed, twin, blobs):
    """Trains a tiny detector under a candidate; gives its state and its distiller's."""

    def run(candidate=None, *, terms=("none", "twin"), inputs_first_epochs=0, **of_task):
        network = fixed("bireal")
        distiller = Distiller(network, {"twin": twin}, {"feature_hint": list(terms)}) if candidate else None
        distillation = Distillation(candidate, distiller) if candidate else None
        task = Task(**{"seed": 1, "stage": "retraining"} | of_task)
        train_detector(network, blobs(8), SETTINGS, task, distillation, inputs_first_epochs)
        return state_of(network), state_of(distiller) if distiller else {}

    return run


def test_a_detector_learns_to_find_what_it_was_shown(fixed, blobs):
    network, data = fixed("real"), blobs(16)
    settings = TrainSettings(epochs=20, batch_size=8, learning_rate=1e-2)
    before = voc_metrics(network, data)["map50"]
    train_detector(network, data, settings, Task(stage="twin", seed=0))
    assert voc_metrics(network, data)["map50"] > before + 0.1


def test_the_same_seed_gives_the_same_detector(trained):
    first, _ = trained()
    torch.manual_seed(1234)  # what others draw has no say
    again, _ = trained()
    assert differing(first, again) == []
    assert differing(first, trained(seed=2)[0]) != []


@pytest.mark.parametrize("idle", [OFF, ON.replace({"weight/feature_hint": 0.0})])
def test_an_idle_teacher_changes_no_bit_of_the_training(trained, idle):
    plain, _ = trained()
    beside, adapters = trained(idle)
    assert differing(plain, beside) == []
    # Adapters without a gradient keep their weights: here the identity.
    for adapter in adapters.values():
        assert torch.equal(adapter, torch.eye(len(adapter))[..., None, None])


def test_a_teacher_changes_the_student_and_its_adapters_and_not_itself(trained, twin):
    before = state_of(twin)
    plain, _ = trained()
    taught, adapters = trained(ON)
    assert differing(plain, taught) != []
    assert all(not torch.equal(a, torch.eye(len(a))[..., None, None]) for a in adapters.values())
    assert differing(before, state_of(twin)) == []
    assert not twin.training


def test_a_heavier_hint_brings_the_maps_closer_to_the_teachers(fixed, twin, blobs):
    data, distances = blobs(8), []
    images = [torch.from_numpy(image / 255).float() for image in data.images]
    for weight in (0.0, 10.0):
        network = fixed("bireal")
        distiller = Distiller(network, {"twin": twin}, {"feature_hint": ["twin"]})
        candidate = ON.replace({"weight/feature_hint": weight})
        settings = TrainSettings(epochs=8, batch_size=8, learning_rate=5e-3)
        train_detector(network, data, settings, Task(stage="x", seed=1), Distillation(candidate, distiller))
        with torch.no_grad():
            measured = distiller.losses(ON, images, network.train()(images))
        distances.append(measured["feature_hint"].item())
    assert distances[1] < 0.9 * distances[0]


@pytest.mark.usefixtures("every_step_is_kept")
def test_a_training_with_a_teacher_goes_on_where_it_was_cut_off(trained, tmp_path, monkeypatch):
    unbroken = trained(ON)
    path = tmp_path / "retraining.state"
    ask = Distiller.losses
    calls = []

    def cut_off(self, *arguments):
        calls.append(1)
        if len(calls) == 4:  # the second step of the second epoch
            raise KeyboardInterrupt
        return ask(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(Distiller, "losses", cut_off)
        with pytest.raises(KeyboardInterrupt):
            trained(ON, resume_from=path)
    assert path.exists()
    resumed = trained(ON, resume_from=path)
    assert differing(unbroken[0], resumed[0]) == []
    assert differing(unbroken[1], resumed[1]) == []


@pytest.mark.usefixtures("every_step_is_kept")
@pytest.mark.parametrize("changed", [{"inputs_first_epochs": 1}, {"described_as": {"start": "scratch"}}])
def test_a_state_of_another_training_is_not_gone_on_from(trained, tmp_path, monkeypatch, changed):
    before = {"described_as": {"start": "twin"}}
    fresh, _ = trained(**before, **changed) if "described_as" not in changed else trained(**changed)
    ask, steps = step.check_finite, []

    def cut_off(*arguments):
        steps.append(1)
        if len(steps) == 4:
            raise KeyboardInterrupt
        return ask(*arguments)

    path = tmp_path / "it.state"
    with monkeypatch.context() as patch:
        patch.setattr(step, "check_finite", cut_off)
        with pytest.raises(KeyboardInterrupt):
            trained(**before, resume_from=path)
    assert path.exists()
    resumed, _ = trained(**{**before, **changed}, resume_from=path)
    assert differing(fresh, resumed) == []


def test_a_training_of_one_epoch_anneals_to_the_signs(fixed, blobs, monkeypatch):
    network, seen = fixed("dbs"), []
    first = searches(network)[0]
    first.register_forward_pre_hook(lambda *_: seen.append(first.search_progress))
    train_detector(network, blobs(16), TrainSettings(epochs=1, batch_size=4), Task(stage="it", seed=0))
    assert seen == [0.0, 0.25, 0.5, 0.75]
    assert first.search_progress == 1.0


def test_a_search_that_stays_soft_is_measured_with_its_signs(fixed, blobs):
    network, data = fixed("dbs+soft"), blobs(8)
    train_detector(network, data, SETTINGS, Task(stage="it", seed=0))
    before = state_of(network)
    recalibrate(network, (images for images, _ in batches(data, 4, seed=0, epoch=0, augment=False)))
    assert differing(before, state_of(network)) == []


@pytest.mark.usefixtures("every_step_is_kept")
@pytest.mark.parametrize("cut", [2, 4, 6, 8], ids=["first stage", "its end", "second stage", "its last epoch"])
def test_a_training_in_two_stages_goes_on_where_it_was_cut_off(trained, tmp_path, monkeypatch, cut):
    path = tmp_path / "retraining.state"
    ask, steps = Distiller.losses, []

    def counted(self, *arguments):
        steps.append(1)
        if len(steps) == cut:
            raise KeyboardInterrupt
        return ask(self, *arguments)

    unbroken = trained(ON, inputs_first_epochs=2)
    monkeypatch.setattr(Distiller, "losses", counted)
    with pytest.raises(KeyboardInterrupt):
        trained(ON, inputs_first_epochs=2, resume_from=path)
    resumed = trained(ON, inputs_first_epochs=2, resume_from=path)
    assert differing(unbroken[0], resumed[0]) == []
    assert len(steps) == 8 + 1  # two stages of two epochs of two steps; the one that was cut off is done again
    assert {file.name for file in tmp_path.iterdir()} <= {file.name for file in unfinished_files(path)}


def test_a_detector_that_diverges_says_at_which_stage_and_in_which_term(fixed, blobs):
    network = fixed("real")
    with torch.no_grad():
        network.backbone.conv1.weight.fill_(float("nan"))
    with pytest.raises(
        DivergedError, match=r"The loss of teacher twin is not finite in epoch 0, step 0: cls=nan, box=nan"
    ):
        train_detector(network, blobs(4), SETTINGS, Task(stage="teacher twin", seed=0))


def test_devices_by_name():
    assert pick_device("cpu") == torch.device("cpu")
    assert pick_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
