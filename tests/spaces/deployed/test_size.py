"""The size of a packed file, known from shapes, against files that were written."""

import pytest
import torch

from spaces.candidate import ALL_REAL, Candidate
from spaces.cost import layer_costs, totals
from spaces.cost_table import CostTable
from spaces.deployed.size import FIGURE
from spaces.detectors import DetectorSpec
from spaces.layers import METHODS
from tests.spaces.deployed.test_packed import detector, opened
from trainers.detector_file import DetectorFile, save_packed

RESNET = DetectorSpec(detector="ssd_resnet18", num_classes=3, image_size=96, width=0.125)
MOBILE = DetectorSpec(detector="ssdlite_mobilenetv1", num_classes=3, image_size=96, width=0.125)
FIGURES = {"map50": 0.4321098765432101, "map50_11": 0.4567890123456789}
EVERY_WIDTH = ["adabin", "int4", "int8", "int2", "real"]


def written(path, spec, candidate):
    """Megabytes of the file that `bitfront export` writes of a random detector of the candidate."""
    network = detector(spec, candidate)
    costs = totals(layer_costs(network, [torch.zeros(3, spec.image_size, spec.image_size)])).as_dict()
    file = DetectorFile(network, spec, candidate, ("cat", "aeroplane", "bicycle"))
    save_packed(path, file, {"costs": costs, "figures": FIGURES})
    return path.stat().st_size / 1e6


def of_opened(spec, methods):
    """A candidate in which all groups are searched, and the table of the space of its methods."""
    candidate = opened(spec, methods)
    return candidate, CostTable.of(spec, dict.fromkeys(candidate.layers(), tuple(dict.fromkeys(methods))))


@pytest.mark.parametrize(
    "methods", [EVERY_WIDTH, ["bireal+learned_scale+pad_minus_one+prelu"], ["lcb_dynamic+gate", "real", "sign+bases2"]]
)
@pytest.mark.parametrize("spec", [RESNET, MOBILE], ids=lambda spec: spec.detector)
def test_it_is_within_one_percent_of_the_file(spec, methods, tmp_path):
    candidate, table = of_opened(spec, methods)
    assert table.costs(candidate)[FIGURE] == pytest.approx(written(tmp_path / "it", spec, candidate), rel=0.01)


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_it_is_within_one_percent_for_every_method(method, tmp_path):
    candidate, table = of_opened(RESNET, [method])
    assert table.costs(candidate)[FIGURE] == pytest.approx(written(tmp_path / "it", RESNET, candidate), rel=0.01)


@pytest.mark.slow
@pytest.mark.parametrize("methods", [["sign"], EVERY_WIDTH])
def test_at_full_width_it_is_within_a_thousandth(methods, tmp_path):
    spec = DetectorSpec(detector="ssd_resnet18", num_classes=3, image_size=160)
    candidate, table = of_opened(spec, methods)
    assert table.costs(candidate)[FIGURE] == pytest.approx(written(tmp_path / "it", spec, candidate), rel=0.001)


def test_where_nothing_can_be_packed_batch_norms_keep_their_statistics(tmp_path):
    real = CostTable.of(RESNET, {}).costs(ALL_REAL)[FIGURE]
    assert real == pytest.approx(written(tmp_path / "it", RESNET, ALL_REAL), rel=0.001)
    assert CostTable.of(RESNET, {"backbone": ("real", "sign")}).costs(ALL_REAL)[FIGURE] < real


def test_a_switched_layer_by_hand():
    """layer4.1.conv2 is 64 x 64 x 3 x 3: as int8 it has one byte a weight, as int2 a quarter. Its header is the same
    but for a few digits: `[36864]` and `[9216]` of the shape, the steps' range in the row."""
    unit = "backbone.layer4.1.conv2"
    table = CostTable.of(RESNET, {unit: ("int4", "int2")})
    four, two = (table.costs(Candidate({f"layer/{unit}": name}))[FIGURE] * 1e6 for name in ("int4", "int2"))
    assert four - two == pytest.approx(36864 * (4 - 2) / 8, abs=16)


def test_a_layer_that_no_file_can_hold_has_no_size(monkeypatch):
    from spaces.deployed.describe import UndescribedError

    def undescribed(_):
        raise UndescribedError("unknown")

    monkeypatch.setattr("spaces.deployed.size.describe", undescribed)
    assert FIGURE not in CostTable.of(RESNET, {"backbone": ("sign",)}).costs(ALL_REAL)
