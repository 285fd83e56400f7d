"""A supernet that is trained with discriminators and several teachers, cut off, and gone on from."""

import pytest
import torch
from toy_paths import train_paths

from spaces.space import Knob, SearchSpace
from spaces.supernet import activate
from trainers.devices import freeze
from trainers.distill import Distiller
from trainers.distill.ensemble import Ensemble
from trainers.training.settings import TrainSettings

TEACHERS = ["none", "a", "ensemble"]
SPACE = SearchSpace(
    [
        Knob("layer/backbone", ("real", "sign")),
        Knob("teacher/adversarial", ("a", "ensemble")),
        Knob("weight/adversarial", (0.1, 1.0)),
    ]
)


def state_of(network):
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


def differing(one, other):
    return [name for name in one if not torch.equal(one[name], other[name])]


@pytest.fixture
def trained(supernet, fixed, blobs):
    teachers = {"a": freeze(fixed("real", seed=1)), "b": freeze(fixed("real", seed=2))}
    start, data = state_of(supernet), blobs(8)

    def run(space=SPACE, **options):
        supernet.load_state_dict(start)
        torch.manual_seed(9)
        ensemble = Ensemble(("a", "b"), "random_teacher")
        distiller = Distiller(supernet, teachers, {"adversarial": TEACHERS}, ensemble)
        before = state_of(distiller)
        settings = TrainSettings(epochs=3, batch_size=4)
        train_paths(supernet, distiller, space, data, settings, seed=0, **options)
        return state_of(supernet), state_of(distiller), before

    return run


@pytest.mark.usefixtures("every_step_is_kept")
def test_it_ends_bit_for_bit_where_an_unbroken_one_does(trained, tmp_path, monkeypatch):
    supernet, distiller, before = trained()
    changed = differing(distiller, before)
    assert any(".discriminators." in name for name in changed)
    assert any(".adapters." in name for name in changed)
    steps = []

    def cut_off(network, candidate):
        steps.append(1)
        if len(steps) > 3:
            raise KeyboardInterrupt
        activate(network, candidate)

    with monkeypatch.context() as patch:
        patch.setattr("trainers.training.paths.activate", cut_off)
        with pytest.raises(KeyboardInterrupt):
            trained(resume_from=tmp_path / "state")
    again, distiller_again, _ = trained(resume_from=tmp_path / "state")
    assert differing(supernet, again) == []
    assert differing(distiller, distiller_again) == []


def test_without_a_teacher_it_is_the_one_that_has_no_such_term(trained):
    """To the bit, and the discriminators stay as they began."""
    layers = Knob("layer/backbone", ("real", "sign"))
    idle = SearchSpace([layers, Knob("teacher/adversarial", ("none",)), Knob("weight/adversarial", (1.0,))])
    with_term, distiller, before = trained(idle)
    without, _, _ = trained(SearchSpace([layers]))
    assert differing(with_term, without) == []
    assert differing(distiller, before) == []
