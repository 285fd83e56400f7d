"""The layer losses that train a supernet's searched signs in every step that samples them."""

from collections.abc import Mapping
from typing import cast

from torch import Tensor, nn

from spaces.candidate import Candidate
from spaces.detectors import DetectorOutput, searchable_units
from spaces.layers.searched_unit import DBS
from trainers.distill.layer_pair import check_twin, layer_pairs
from trainers.distill.terms import TERMS, LayerTermLoss


class SearchedLosses:
    """LWS-Det's layer losses on the units that compute with `dbs`, in every step that samples it.

    A search of signs needs these losses, and its logits are trained only in the steps that sample them. With the
    candidates' own terms alone, most of these steps would not train them. `weights` maps layer terms to loss weights;
    a term that the candidate itself has counts with the candidate's weight, not again here. This has no parameters.
    Raises ValueError for a term that doesn't compare layers, and where the twin's layers don't fit the supernet's.
    """

    def __init__(self, supernet: nn.Module, twin: nn.Module, weights: Mapping[str, float]) -> None:
        for name in weights:
            if not TERMS[name].compares_layers:
                raise ValueError(f"{name} compares no layers, so it can't train searched signs.")
        self._searched = {
            name: unit
            for name, unit in searchable_units(supernet).items()
            if unit.may_leave_trace and any(isinstance(layer, DBS) for layer in unit.alternatives.values())
        }
        self._twin = check_twin("twin", supernet, twin) if self._searched and weights else {}
        self._weights = dict(weights)
        self._terms = {name: cast(LayerTermLoss, TERMS[name].build({}, {})) for name in weights}

    def needs_traces(self) -> bool:
        """Whether the losses need traces of the supernet as it is activated now."""
        return bool(self._weights and self._active())

    def losses(self, candidate: Candidate, student: DetectorOutput) -> dict[str, Tensor]:
        """The weighted losses as `searched <term>`, each a mean over the units that compute with `dbs` now."""
        active = self._active()
        own = {term for term, taught in candidate.terms().items() if taught.weight != 0}
        due = {term: weight for term, weight in self._weights.items() if term not in own}
        if not active or not due:
            return {}
        pairs = layer_pairs({name: student.layers[name] for name in active}, self._twin)
        return {f"searched {term}": weight * self._terms[term](pairs) for term, weight in due.items()}

    def _active(self) -> list[str]:
        return [name for name, unit in self._searched.items() if isinstance(unit.alternatives[unit.active], DBS)]
