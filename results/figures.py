"""Every figure of a candidate, in one table: its direction, its unit, and where it comes from.

Objectives, budgets, front files and axis labels all read this table. A new accuracy or cost needs one line here, and a
place that measures it: `trainers.evaluate.figures`, which has the rules that measure an accuracy, or `spaces.cost` and
`spaces.cost_table`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Direction = Literal["maximize", "minimize"]

TRAINED_SEED = "trained_seed_"
"""What a column with the figures of one training seed begins with."""


@dataclass(frozen=True)
class Figure:
    """One figure. An accuracy is maximised and measured on images; a cost is minimised and counted.

    searched: whether a search may have it as an objective and, for a cost, bound it (`search.constraints`).
    """

    name: str
    direction: Direction
    label: str
    unit: str
    searched: bool = True

    @property
    def axis(self) -> str:
        """The text at an axis of a plot."""
        return f"{self.label} ({self.name})"


SHARE = "0 to 1"

FIGURES: dict[str, Figure] = {
    figure.name: figure
    for figure in (
        Figure("map50", "maximize", "mAP at IoU 0.5", SHARE),
        Figure("map50_11", "maximize", "VOC 11-point mAP at IoU 0.5", SHARE),
        Figure("ap", "maximize", "AP at IoU 0.5 to 0.95", SHARE),
        Figure("ap50", "maximize", "AP at IoU 0.5", SHARE),
        Figure("ap75", "maximize", "AP at IoU 0.75", SHARE),
        Figure("ar500", "maximize", "AR at 500 detections, IoU 0.5 to 0.95", SHARE),
        Figure("bit_ops", "minimize", "bit-operations per image", "MACs x weight bits x input bits"),
        Figure("ops", "minimize", "operations per image, 64 one-bit MACs as one", "32-bit MACs"),
        Figure("memory_bits", "minimize", "parameter memory in bits", "bits", searched=False),
        Figure("memory_mb", "minimize", "parameter memory in megabytes", "8e6 bits"),
        Figure("size_mb", "minimize", "packed file in megabytes", "1e6 bytes"),
        Figure("latency_ms", "minimize", "predicted time of an image on a measured machine", "ms"),
        *(
            Figure(f"macs_{bits}bit", "minimize", f"{bits}-bit MACs per image", "MACs", searched=False)
            for bits in (1, 2, 4, 8, 32)
        ),
    )
}

ACCURACIES = {name: figure for name, figure in FIGURES.items() if figure.direction == "maximize"}
COSTS = {name: figure for name, figure in FIGURES.items() if figure.direction == "minimize"}

USUAL_X, USUAL_Y = "bit_ops", "map50"
"""The axes of a front that names none."""
