"""Tables of times that a reader can add up."""

from torch import nn

from spaces.detectors import DetectorSpec, build_detector
from spaces.latency import LatencyTable
from spaces.layers import SearchableUnit
from spaces.without_values import without_values

SPEC = DetectorSpec(detector="ssd_resnet18", num_classes=3, image_size=96, width=0.125)


def made_up_table(times, rest=0.0, spec=SPEC, about=None):
    """Each layer of a detector takes as long as its method says, whatever its shape."""
    with without_values():
        network = build_detector(spec, lambda _: ("real",))
    units = [name for name, module in network.named_modules() if isinstance(module, SearchableUnit)]
    inside = tuple(f"{unit}.alternatives." for unit in units)
    plain = [name for name, module in network.named_modules() if isinstance(module, nn.Conv2d | nn.Linear)]
    names = units + [name for name in plain if not name.startswith(inside)]
    return LatencyTable(spec, {name: dict(times) for name in names}, rest, about or {})
