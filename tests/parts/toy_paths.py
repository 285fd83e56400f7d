"""Trainings of tiny supernets by any rule, with costs that a reader can work out."""

from spaces.layers import method
from trainers.training.draws import Draws
from trainers.training.loop import Task
from trainers.training.paths import Paths
from trainers.training.rules.table import RULES
from trainers.training.supernet import train_supernet


def toy_costs(candidate):
    """The product of weight and input bits, over all layer knobs: 1024 for a real one, 1 for a 1-bit one."""
    return {"bit_ops": float(sum(method(m).weight_bits * method(m).input_bits for m in candidate.layers().values()))}


def train_paths(
    supernet, distiller, space, data, settings, *, rule="single_path", by_cost=False, searched=None, **options
):
    """As `train_supernet`, with `options` for its task and for itself."""
    task = {key: options.pop(key) for key in ("seed", "resume_from", "described_as") if key in options}
    paths = Paths(supernet, distiller, Draws(space, toy_costs, by_cost=by_cost), searched)
    train_supernet(paths, RULES[rule], data, settings, Task(**({"seed": 0, "stage": "supernet"} | task)), **options)
