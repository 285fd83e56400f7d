"""Train one network a layer method and seed, alike in all else, and compare them in pairs.

    python examples/ablation.py examples/ablation_shapes.yaml --seeds 0 1 2 --processes 2

Every method starts from the same real-valued twin of its seed, has the same epochs, images and order of images, and is
measured on the test images. With `--layers` it goes into these modules alone, and all else is real. Those with `/lws`
behind their name have LWS-Det's layer losses and imitation besides (docs/dbs.md); the others have no distillation.
`bireal+learned_scale+prelu` is `dbs` without the search of signs. The table gives map50 for each seed, and the
differences from three methods as means over seeds with their 95 % interval (Student's t of the paired differences).
Stopped and started again it goes on; what is finished is read from the runs.
"""

import argparse
import os
import statistics
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from paired import STUDENT_T, interval

LIKE_DBS = "bireal+learned_scale+prelu"
METHODS = ("sign", "bireal", "react", "lcb", "lcb_dynamic", LIKE_DBS, "dbs", "int8", "real")
TAUGHT = "/lws"
LWS_TERMS = (
    "train.terms={angular: {weight: 100.0}, amplitude: {weight: 1.0}, weight_reconstruction: {weight: 1.0}, "
    "fgfi: {weight: 0.02}}"
)
ARMS = (*METHODS, f"{LIKE_DBS}{TAUGHT}", f"dbs{TAUGHT}")
AGAINST = ("sign", "react", LIKE_DBS)


def layers_of(method: str, modules: list[str]) -> str:
    """The config's value: the method everywhere, or in these modules alone and `real` elsewhere."""
    return "{" + ", ".join(f"{module}: {method}" for module in modules) + "}" if modules else method


def trained(
    config: str, method: str, seed: int, data: str | None, overrides: list[str], modules: list[str]
) -> tuple[float, float]:
    """map50 on the test images of one network, and of its twin."""
    from search.config import load_config
    from search.train_stage import run_train
    from trainers.progress import SilentProgress

    terms = [LWS_TERMS] if method.endswith(TAUGHT) else []
    layers = f"train.layers={layers_of(method.removesuffix(TAUGHT), modules)}"
    loaded = load_config(config, [f"seed={seed}", layers, *terms, *overrides])
    folder = Path("runs") / f"{loaded.name}_seed{seed}"
    result = run_train(loaded, folder.resolve(), Path(data) if data else None, SilentProgress())
    return result.test["map50"], result.twin_test["map50"]


def all_of_a_seed(
    config: str, methods: list[str], seed: int, data: str | None, overrides: list[str], modules: list[str]
) -> dict[str, float]:
    """One run folder a seed, so one process a seed."""
    found = {}
    for method in methods:
        found[method], found["twin"] = trained(config, method, seed, data, overrides, modules)
        print(f"seed {seed}, {method}: map50 {found[method]:.4f}, twin {found['twin']:.4f}", flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config")
    parser.add_argument("--methods", nargs="+", default=list(ARMS))
    parser.add_argument("--layers", nargs="*", default=[], help="the modules that get the method; without, all do")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--data", help="the folder that holds VOCdevkit, for VOC data")
    parser.add_argument("--set", nargs="*", default=[], dest="overrides", metavar="KEY=VALUE")
    asked = parser.parse_args()
    if len(asked.seeds) > max(STUDENT_T):
        parser.error(f"--seeds: {len(asked.seeds)} seeds were given; up to {max(STUDENT_T)} are allowed.")
    os.environ.setdefault("OMP_NUM_THREADS", "1" if asked.processes > 1 else str(os.cpu_count()))
    with ProcessPoolExecutor(asked.processes) as pool:
        jobs = [
            pool.submit(all_of_a_seed, asked.config, asked.methods, seed, asked.data, asked.overrides, asked.layers)
            for seed in asked.seeds
        ]
        found = [job.result() for job in jobs]
    against = [method for method in AGAINST if method in asked.methods]
    heads = [f"seed {seed}" for seed in asked.seeds] + ["mean", *(f"- {method}" for method in against)]
    print("".join([f"\n{'method':32}", *(f"{head:>10}" for head in heads[: len(asked.seeds) + 1])]), end="")
    print("".join(f"{head:>32}" for head in heads[len(asked.seeds) + 1 :]))
    for method in ["twin", *asked.methods]:
        values = [one[method] for one in found]
        differences = [interval([one[method] - one[other] for one in found]) for other in against]
        figures = "".join(f"{value:10.4f}" for value in [*values, statistics.mean(values)])
        print(f"{method:32}{figures}" + "".join(f"{difference:>32}" for difference in differences))


if __name__ == "__main__":
    main()
