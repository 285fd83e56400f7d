"""Searched signs (`dbs`) trained alone, against those extracted from a supernet in which they were one method of four.

Both start from the same real-valued twin on generated images and have the same layer losses (the supernet's own
`search_losses`). In the supernet a unit's signs are searched in a quarter of the steps. Printed are, over all units,
the share of signs that differ from the twin's, and the mean angular error against the twin on images that neither
saw, on the network's own inputs. Exit status 1 when the supernet flips less than a tenth of what the other does: then
it would be no search.

Run it with: python benchmarks/dbs_supernet.py
"""

import sys

import torch
from dbs_angular import SPEC, trained_twin
from torch import Tensor, nn

from spaces.candidate import Candidate
from spaces.cost_table import CostTable
from spaces.detectors import searchable_units, traced
from spaces.layers.signs import sign
from spaces.space import Knob, SearchSpace
from spaces.supernet import build_fixed, build_supernet, extract, inherit_shared
from trainers.data.batches import batches
from trainers.data.decoded import Decoded
from trainers.distill import Distiller
from trainers.distill.layer_pair import check_twin, layer_pairs
from trainers.distill.layer_terms import Angular
from trainers.distill.searched_losses import SearchedLosses
from trainers.inference import voc_metrics
from trainers.training.detector import Distillation, train_detector
from trainers.training.draws import Draws
from trainers.training.loop import Task
from trainers.training.paths import Paths
from trainers.training.recalibrate import recalibrate
from trainers.training.rules.table import RULES
from trainers.training.settings import TrainSettings
from trainers.training.supernet import train_supernet

METHODS = ("real", "sign", "bireal", "dbs")
WEIGHTS = {"angular": 100.0, "amplitude": 1.0}
SETTINGS = TrainSettings(epochs=12)
NEEDED = 0.1


def all_of(method: str) -> Candidate:
    teachers = {f"teacher/{term}": "twin" for term in WEIGHTS}
    weights = {f"weight/{term}": weight for term, weight in WEIGHTS.items()}
    return Candidate({"layer/backbone": method, **(teachers | weights if method == "dbs" else {})})


def alone(twin: nn.Module, method: str, data: Decoded, seed: int) -> nn.Module:
    torch.manual_seed(seed)
    network = build_fixed(SPEC, all_of(method))
    inherit_shared(network, twin.state_dict())
    distiller = Distiller(network, {"twin": twin}, {term: ["twin"] for term in WEIGHTS})
    task = Task(stage="alone", seed=seed)
    train_detector(network, data, SETTINGS, task, Distillation(all_of(method), distiller))
    return network.eval()


def trained_supernet(twin: nn.Module, data: Decoded, seed: int, epochs: int) -> dict[str, Tensor]:
    torch.manual_seed(seed)
    supernet = build_supernet(SPEC, {"backbone": METHODS})
    inherit_shared(supernet, twin.state_dict())
    blocks = dict.fromkeys(name.rpartition(".")[0] for name in searchable_units(supernet))
    space = SearchSpace([Knob(f"layer/{block}", METHODS) for block in blocks])
    draws = Draws(space, CostTable.of(SPEC, space).costs)
    paths = Paths(supernet, Distiller(supernet, {}, {}), draws, SearchedLosses(supernet, twin, WEIGHTS))
    settings, task = TrainSettings(epochs=epochs), Task(stage="supernet", seed=seed)
    train_supernet(paths, RULES["single_path"], data, settings, task)
    return supernet.state_dict()


@torch.no_grad()
def flipped(network: nn.Module, twin: nn.Module) -> float:
    real = searchable_units(twin)
    differs = [
        sign(unit.alternatives["dbs"].logits) != sign(real[name].weight)
        for name, unit in searchable_units(network).items()
    ]
    return float(torch.cat([one.flatten() for one in differs]).float().mean())


@torch.no_grad()
def angular_error(network: nn.Module, twin: nn.Module, data: Decoded) -> float:
    """The mean over layers and images, on the network's own inputs."""
    layers, found = check_twin("twin", network, twin), []
    with traced(network):
        for images, _ in batches(data, 50, seed=0, epoch=0, augment=False):
            found.append(float(Angular()(layer_pairs(network(images).layers, layers))))
    return sum(found) / len(found)


def row(name: str, network: nn.Module, twin: nn.Module, data: dict[str, Decoded], searched: bool = True) -> float:
    share = flipped(network, twin) if searched else 0.0
    error, map50 = angular_error(network, twin, data["val"]), voc_metrics(network, data["val"])["map50"]
    flips = f"{100 * share:10.1f} %" if searched else f"{'':12}"
    print(f"{name:44} {flips} {error:14.5f} {map50:8.3f}", flush=True)
    return share


def main() -> int:
    seed = 0
    twin, data = trained_twin(seed)
    print(f"the twin's map50 on val: {voc_metrics(twin, data['val'])['map50']:.3f}")
    print(f"{'':44} {'flipped':>12} {'angular error':>14} {'map50':>8}")
    row("sign, trained alone, 12 epochs", alone(twin, "sign", data["train"], seed), twin, data, searched=False)
    reference = row("dbs, trained alone, 12 epochs", alone(twin, "dbs", data["train"], seed), twin, data)
    shares = []
    for epochs in (12, 24, 48):
        state = trained_supernet(twin, data["train"], seed, epochs)
        network = extract(state, SPEC, Candidate({"layer/backbone": "dbs"}))
        recalibrate(network, (images for images, _ in batches(data["train"], 50, seed=0, epoch=0, augment=False)))
        shares.append(row(f"dbs, extracted from a supernet, {epochs} epochs", network, twin, data))
    enough = min(shares) >= NEEDED * reference
    print(f"at least {NEEDED:.0%} of what it flips alone: {'yes' if enough else 'NO'}")
    return int(not enough)


if __name__ == "__main__":
    sys.exit(main())
