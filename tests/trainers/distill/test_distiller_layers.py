"""Layer terms in the distiller: who is traced, which teacher runs, and what stays as it was."""

import pytest
import torch
from toy_paths import train_paths

from spaces.candidate import Candidate
from spaces.detectors import searchable_units
from spaces.space import Knob, SearchSpace
from spaces.supernet import activate, build_supernet
from trainers.devices import freeze
from trainers.distill import TERMS, Distiller, Term
from trainers.distill.layer_terms import Angular
from trainers.training.detector import Distillation, train_detector
from trainers.training.loop import Task
from trainers.training.settings import TrainSettings

TEACHERS = {"angular": ["none", "twin"], "amplitude": ["twin"], "weight_reconstruction": ["twin"]}
ON = Candidate({"layer/backbone": "dbs", "teacher/angular": "twin", "weight/angular": 2.0})


@pytest.fixture
def student(fixed):
    return fixed("dbs")


@pytest.fixture
def twin(fixed):
    """Counts its own forward passes in `calls`."""
    network = freeze(fixed("real", seed=1))
    network.calls = 0

    def count(*_):
        network.calls += 1

    network.register_forward_pre_hook(count)
    return network


def losses(distiller, candidate, student, images, targets):
    """The losses that the candidate's terms add to the detector's own."""
    step = distiller.step(student, candidate, images, targets)
    return {name: loss for name, loss in step.items() if name not in ("cls", "box")}


def test_the_student_is_traced_only_where_a_term_compares_layers(student, twin, images, targets):
    distiller = Distiller(student, {"twin": twin}, TEACHERS | {"feature_hint": ["twin"]})
    units, traced = searchable_units(student).values(), []
    student.register_forward_pre_hook(lambda *_: traced.append([unit.tracing for unit in units]))
    idle = [Candidate({}), ON.replace({"teacher/angular": "none"}), ON.replace({"weight/angular": 0.0})]
    for candidate in [*idle, Candidate({"teacher/feature_hint": "twin"})]:
        distiller.step(student, candidate, images, targets)
    distiller.step(student, ON, images, targets)
    assert traced == [[False] * 16] * 4 + [[True] * 16]
    assert not any(unit.tracing for unit in units)


def test_the_weight_scales_the_term_and_the_twin_need_not_run(student, twin, images, targets):
    distiller = Distiller(student, {"twin": twin}, TEACHERS)
    once = losses(distiller, ON.replace({"weight/angular": 1.0}), student, images, targets)
    twice = losses(distiller, ON, student, images, targets)
    assert list(twice) == ["angular"]
    assert 0 < twice["angular"].item() == pytest.approx(2 * once["angular"].item())
    assert twin.calls == 0  # its weights on the student's inputs are enough


def test_the_twin_runs_once_where_its_own_inputs_are_asked_for(student, twin, images, targets, monkeypatch):
    build = lambda student, teachers: Angular(inputs="twin")  # noqa: E731
    monkeypatch.setitem(TERMS, "angular_on_twin", Term(build=build, compares_layers=True))
    names = ["feature_hint", "angular_on_twin", "angular"]
    distiller = Distiller(student, {"twin": twin}, {name: ["twin"] for name in names})
    candidate = Candidate({f"teacher/{name}": "twin" for name in names})
    by_term = losses(distiller, candidate, student, images, targets)
    assert list(by_term) == names
    assert by_term["angular_on_twin"].item() != by_term["angular"].item()
    assert twin.calls == 1


def test_layer_terms_have_no_state_and_leave_the_twin_alone(student, twin, images, targets):
    distiller = Distiller(student, {"twin": twin}, TEACHERS)
    assert list(distiller.state_dict()) == []
    before = {name: tensor.clone() for name, tensor in twin.state_dict().items()}
    every = Candidate({f"teacher/{term}": "twin" for term in TEACHERS})
    by_term = losses(distiller, every, student, images, targets)
    assert list(by_term) == list(TEACHERS)
    torch.stack(list(by_term.values())).sum().backward()
    assert all(p.grad is None for p in twin.parameters())
    assert all(torch.equal(tensor, before[name]) for name, tensor in twin.state_dict().items())
    for unit in searchable_units(student).values():
        searched = unit.alternatives["dbs"]
        assert searched.logits.grad.count_nonzero() > 0
        assert searched.scale.grad.count_nonzero() > 0
        assert searched.bn.weight.grad is None
    assert student.backbone.conv1.weight.grad is None  # no gradient beyond the layer itself


def test_a_student_without_a_1bit_layer_has_no_layer_terms(fixed, twin, images, targets):
    student = fixed("real")
    distiller = Distiller(student, {"twin": twin}, TEACHERS)
    assert losses(distiller, ON.replace({"layer/backbone": "real"}), student, images, targets) == {}


def test_a_student_that_ran_untraced_is_refused_instead_of_untaught(student, twin, images, targets):
    distiller = Distiller(student, {"twin": twin}, TEACHERS)
    with pytest.raises(ValueError, match=r"The term angular compares layers: run the student in `Distiller\.step`"):
        distiller.losses(ON, images, student(images, targets))


def test_a_teacher_whose_units_do_not_fit_is_refused_when_the_distiller_is_built(student):
    with pytest.raises(ValueError, match="'twin' can't teach a layer term: it has no unit"):
        Distiller(student, {"twin": _Shapeless()}, TEACHERS)
    Distiller(student, {"twin": _Shapeless()}, {"angular": ["none"]})  # nobody is asked


class _Shapeless(torch.nn.Module):
    feature_channels = {"p2": 8}  # noqa: RUF012


def test_a_weight_of_zero_trains_bit_for_bit_as_no_term(fixed, blobs):
    data, settings = blobs(8), TrainSettings(epochs=1, batch_size=4)

    def trained(candidate, terms):
        network, twin = fixed("dbs"), freeze(fixed("real", seed=1))
        distiller = Distiller(network, {"twin": twin}, terms)
        train_detector(network, data, settings, Task(stage="it", seed=0), Distillation(candidate, distiller))
        return network.state_dict()

    plain = trained(Candidate({"layer/backbone": "dbs"}), {})
    for idle in ({"weight/angular": 0.0}, {"teacher/angular": "none"}):
        state = trained(ON.replace(idle), TEACHERS)
        assert all(torch.equal(tensor, state[name]) for name, tensor in plain.items())
    taught = trained(ON, TEACHERS)
    assert not all(torch.equal(tensor, taught[name]) for name, tensor in plain.items())


def test_a_supernet_of_mixed_methods_trains_with_layer_terms(spec, fixed, blobs):
    torch.manual_seed(0)
    methods = ("real", "react", "dbs", "int8")
    supernet, twin = build_supernet(spec, {"backbone": methods}), freeze(fixed("real", seed=1))
    layers = [Knob(f"layer/backbone.layer{stage}", methods) for stage in (1, 2, 3, 4)]
    terms = [Knob(f"teacher/{term}", ("none", "twin")) for term in TEACHERS]
    space = SearchSpace([*layers, *terms], layer_terms={name: TERMS[name].acts_on for name in TEACHERS})
    before = {name: tensor.clone() for name, tensor in supernet.state_dict().items() if name.endswith("logits")}
    distiller = Distiller(supernet, {"twin": twin}, {term: ["none", "twin"] for term in TEACHERS})
    train_paths(supernet, distiller, space, blobs(16), TrainSettings(epochs=2, batch_size=4), seed=0)
    after = supernet.state_dict()
    assert all(bool(tensor.isfinite().all()) for tensor in after.values())
    assert any(not torch.equal(tensor, after[name]) for name, tensor in before.items())
    activate(supernet, Candidate({"layer/backbone": "dbs"}))
    assert not any(unit.tracing for unit in searchable_units(supernet).values())
