"""Fills a backbone from one that was trained before as it is: with 1-bit layers, their thresholds and their PReLUs."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor, nn

from spaces.detectors import searchable_units
from spaces.layers import REAL, is_binary
from spaces.published.weights import LoadReport, is_counter
from spaces.published.words import first_names
from spaces.starting import Start, start_of


@dataclass(frozen=True)
class TrainedBackbone:
    """A trained backbone that has one method in each unit.

    tensors: under the names of a backbone of ours, and what else the file holds; each unit has a weight. methods: of
    its units by name; those that aren't in it are real. title: what it is, for messages. names: the tensors' names in
    the file, where they differ.
    """

    tensors: Mapping[str, Tensor]
    methods: Mapping[str, str]
    title: str
    names: Mapping[str, str] = field(default_factory=dict)

    def named(self, tensor: str) -> str:
        """A tensor's name in the file."""
        return self.names.get(tensor, tensor)


def fill_pretrained(backbone: nn.Module, found: TrainedBackbone) -> LoadReport:
    """Copy all of a trained backbone that has a place in another one, or in a supernet of it: see `start_of`.

    Raises ValueError if a tensor outside of alternatives is missing, or has another shape: it is another backbone's, or
    one of another width. Then nothing is copied.
    """
    start = _checked(backbone, found)
    start.apply(backbone)
    return LoadReport(
        loaded=tuple(name for name in start.taken if not is_counter(name)),
        missing=(),
        own=tuple(name for name in backbone.state_dict() if name not in start.taken and not is_counter(name)),
        unused=tuple(found.named(name) for name in found.tensors if name not in start.used and not is_counter(name)),
    )


def fill_one_bit(supernet: nn.Module, found: TrainedBackbone) -> tuple[str, ...]:
    """Copy the 1-bit units of a trained backbone into a supernet of it whose 1-bit methods have weights of their own.

    What real and quantized layers compute with stays. Returns the names of the tensors that were copied. Raises
    ValueError as `fill_pretrained` does.
    """
    start = _checked(supernet, found)
    units = [name for name in searchable_units(supernet) if is_binary(found.methods.get(name, REAL))]
    return tuple(name for name in start.apply_to_one_bit(supernet, units) if not is_counter(name))


def _checked(backbone: nn.Module, found: TrainedBackbone) -> Start:
    """What a backbone takes. Raises ValueError for what makes it another backbone's."""
    start, own = start_of(backbone, found.tensors, found.methods), backbone.state_dict()
    shared = [name for name in own if ".alternatives." not in name and not is_counter(name)]
    if start.lacking:
        raise ValueError(
            f"It is {found.title}, and lacks {len(start.lacking)} of the {len(shared)} tensors that the layers of the "
            f"backbone share: {first_names(start.lacking)}. Give weights of this backbone."
        )
    if start.whole:
        raise ValueError(f"Its tensor {found.named(start.whole[0])} holds whole numbers: weights must be real numbers.")
    for name, source in start.misfits.items():
        raise ValueError(
            f"It is {found.title}, and its tensor {found.named(source)} is {tuple(found.tensors[source].shape)}, the "
            f"backbone's {tuple(own[name].shape)}. Give weights of this backbone and width."
        )
    return start
