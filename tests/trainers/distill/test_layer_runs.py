"""Layer terms of a layer that runs on every level of a pyramid."""

import pytest
import torch

from spaces.candidate import Candidate
from spaces.detectors import DetectorSpec, searchable_units, traced
from spaces.layers import LayerTrace, UnitShape
from spaces.layers.signs import sign
from spaces.supernet import build_fixed
from trainers.devices import freeze
from trainers.distill.layer_pair import LayerPair, check_twin, layer_pairs, recorded_inputs
from trainers.distill.layer_terms import Amplitude, Angular, WeightReconstruction

SPEC = DetectorSpec(detector="gfl_resnet18", num_classes=3, image_size=96, width=0.125)
SHAPE = UnitShape(in_channels=2, out_channels=1, kernel=1, stride=1)
SHARED = "towers.cls.conv2"


def network_of(method, seed):
    torch.manual_seed(seed)
    return build_fixed(SPEC, Candidate({f"layer/{part}": method for part in ("backbone", "fpn", "towers")}))


def run_of(x, places):
    """One filter w^ = (1, -1) beside w = (1, 0), on `places` equal inputs x of two channels."""
    x = torch.tensor(x).view(1, 2, 1, 1).expand(-1, -1, 1, places)
    binary, scale = torch.tensor([1.0, -1.0]).view(SHAPE.weight), torch.ones(1, 1, 1, 1)
    trace = LayerTrace(x, x, sign(x), binary, binary, scale, SHAPE, pad_value=0.0, scale_is_learned=True)
    return trace, torch.tensor([1.0, 0.0]).view(SHAPE.weight), x


def test_the_loss_of_a_layer_is_the_mean_over_the_places_of_all_its_levels():
    # (3, 4): cosines 3/5 and 0, products 3 and 0. (4, 3): cosines 4/5 and 0, products 4 and 0.
    pair = LayerPair(*run_of((3.0, 4.0), places=1), others=(LayerPair(*run_of((4.0, 3.0), places=3)),))
    assert Angular()({"a": pair}).item() == pytest.approx((0.36 + 3 * 0.64) / 4)
    assert Amplitude()({"a": pair}).item() == pytest.approx((9 + 3 * 16) / 4)
    assert WeightReconstruction()({"a": pair}).item() == pytest.approx((0 + 1) / 2)  # the weight is one
    alone = LayerPair(*run_of((3.0, 4.0), places=1))
    assert Angular()({"a": pair, "b": alone}).item() == pytest.approx((0.57 + 0.36) / 2)  # layers count alike


@pytest.fixture
def student():
    return network_of("dbs", seed=0)


@pytest.fixture
def twin():
    return freeze(network_of("real", seed=1))


def test_a_shared_unit_is_compared_on_every_level(student, twin, images):
    with traced(student):
        layers = student(images).layers
    pairs = layer_pairs(layers, check_twin("twin", student, twin))
    assert [tuple(run.binary_product.shape[-2:]) for run in pairs[SHARED].runs] == [(s, s) for s in (12, 6, 3, 2, 1)]
    assert all(run.weight is pairs[SHARED].weight for run in pairs[SHARED].runs)
    Angular()(pairs).backward()
    for name, unit in searchable_units(student).items():
        assert unit.alternatives["dbs"].logits.grad.count_nonzero() > 0, name


def test_the_twins_own_inputs_are_kept_run_by_run(student, twin, images):
    with recorded_inputs(check_twin("twin", student, twin)) as inputs, torch.no_grad():
        twin(images)
    assert [tuple(x.shape) for x in inputs[SHARED]] == [(2, 32, s, s) for s in (12, 6, 3, 2, 1)]
    assert len(inputs["fpn.p3.output"]) == 1
    with traced(student):
        layers = student(images).layers
    own = layer_pairs(layers, check_twin("twin", student, twin), inputs)
    assert all(run.x is x for run, x in zip(own[SHARED].runs, inputs[SHARED], strict=True))
    assert Angular()(own).item() != Angular()(layer_pairs(layers, check_twin("twin", student, twin))).item()
