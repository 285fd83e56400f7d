import random

import pytest
import torch
from toy_paths import train_paths

from spaces.detectors import searchable_units
from spaces.space import Knob, SearchSpace
from spaces.supernet import activate
from trainers.devices import freeze
from trainers.distill import Distiller
from trainers.training.settings import TrainSettings

METHODS = ("real", "sign", "bireal")
SETTINGS = TrainSettings(epochs=3, batch_size=4)


def space_of(methods=METHODS, teachers=("none", "twin")):
    layers = [Knob(f"layer/backbone.layer{stage}", methods) for stage in (1, 2, 3, 4)]
    return SearchSpace([*layers, Knob("teacher/feature_hint", teachers), Knob("weight/feature_hint", (0.1, 1.0))])


def state_of(network):
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


def differing(one, other):
    return [name for name in one if not torch.equal(one[name], other[name])]


@pytest.fixture
def twin(fixed):
    return freeze(fixed("real", seed=5))


@pytest.fixture
def trained(supernet, twin, blobs):
    """Trains the tiny supernet; gives its state and its distiller's. A second call begins again at the same start."""
    start, data = state_of(supernet), blobs(8)

    def run(space=None, **options):
        supernet.load_state_dict(start)
        distiller = Distiller(supernet, {"twin": twin}, {"feature_hint": ["none", "twin"]})
        train_paths(supernet, distiller, space or space_of(), data, SETTINGS, **({"seed": 0} | options))
        return state_of(supernet), state_of(distiller)

    return run


def test_every_step_trains_one_path(supernet, trained):
    before = state_of(supernet)
    after, _ = trained()
    for name, unit in searchable_units(supernet).items():
        key = f"{name}.alternatives.{{}}.bn.num_batches_tracked"
        steps = [int(after[key.format(method)] - before[key.format(method)]) for method in unit.alternatives]
        assert sum(steps) == SETTINGS.epochs * 2


def test_the_paths_are_drawn_from_seed_epoch_and_step(supernet, trained, monkeypatch):
    seen = []
    monkeypatch.setattr(
        "trainers.training.paths.activate", lambda net, candidate: (seen.append(candidate), activate(net, candidate))
    )
    space = space_of()
    trained(space, seed=7)
    expected = [space.sample(random.Random(f"7/{epoch}/{step}")) for epoch in range(3) for step in range(2)]
    assert seen == expected
    assert len(set(seen)) > 3


def test_a_path_that_is_never_drawn_is_left_alone(supernet, trained):
    before = state_of(supernet)
    changed = differing(before, trained(space_of(methods=("sign", "bireal")))[0])
    assert not any(".alternatives.real." in name for name in changed)
    assert any(".alternatives.sign." in name for name in changed)
    assert "backbone.layer1.0.conv1.weight" in changed


def test_the_same_seed_gives_the_same_supernet(trained):
    one, adapters = trained()
    torch.manual_seed(77)
    again, adapters_again = trained()
    assert differing(one, again) == []
    assert differing(adapters, adapters_again) == []
    assert differing(one, trained(seed=1)[0]) != []


def test_adapters_are_trained_with_the_supernet_where_a_teacher_is_drawn(trained):
    identity = {f"terms.feature_hint.adapters.0.{level}.weight" for level in ("p3", "p4", "p5")}
    _, idle = trained(space_of(teachers=("none",)))
    _, taught = trained(space_of(teachers=("twin",)))
    for name in identity:
        assert torch.equal(idle[name], torch.eye(len(idle[name]))[..., None, None])
        assert not torch.equal(taught[name], idle[name])


@pytest.mark.usefixtures("every_step_is_kept")
@pytest.mark.parametrize("step", [3, 5])
def test_a_training_goes_on_where_it_was_cut_off(trained, tmp_path, monkeypatch, step):
    unbroken = trained()
    path, steps = tmp_path / "supernet.state", []

    def cut_off(network, candidate):
        steps.append(1)
        if len(steps) > step:
            raise KeyboardInterrupt
        activate(network, candidate)

    with monkeypatch.context() as patch:
        patch.setattr("trainers.training.paths.activate", cut_off)
        with pytest.raises(KeyboardInterrupt):
            trained(resume_from=path)
    assert path.exists()
    resumed = trained(resume_from=path)
    assert differing(unbroken[0], resumed[0]) == []
    assert differing(unbroken[1], resumed[1]) == []
