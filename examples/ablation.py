"""Train one network a layer method and seed, alike in all else, and compare them in pairs.

    python examples/ablation.py examples/ablation_shapes.yaml --seeds 0 1 2 --processes 2

Every method starts from the same real-valued twin of its seed, has the same epochs, images and order of images, and is
measured on the test images. `lws_det` is `dbs` with the layer losses and the imitation of LWS-Det (docs/dbs.md); the
others have no distillation. The table gives map50 for each seed, and the difference from `sign` as a mean over seeds
with its 95 % interval (Student's t of the paired differences). Stopped and started again it goes on; what is finished
is read from the runs.
"""

import argparse
import math
import os
import statistics
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

METHODS = ("sign", "bireal", "react", "lcb", "lcb_dynamic", "dbs", "lws_det", "int8", "real")
LWS_DET = [
    "train.layers=dbs",
    "train.terms={angular: {weight: 100.0}, amplitude: {weight: 1.0}, weight_reconstruction: {weight: 1.0}, "
    "fgfi: {weight: 0.02}}",
]
STUDENT_T = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776, 6: 2.571, 7: 2.447, 8: 2.365, 9: 2.306, 10: 2.262}
"""The 97.5 % quantile by the number of pairs."""


def trained(config: str, method: str, seed: int, data: str | None, overrides: list[str]) -> tuple[float, float]:
    """map50 on the test images of one network, and of its twin."""
    from search.config import load_config
    from search.train_stage import run_train
    from trainers.progress import SilentProgress

    chosen = LWS_DET if method == "lws_det" else [f"train.layers={method}"]
    loaded = load_config(config, [f"seed={seed}", *chosen, *overrides])
    folder = Path("runs") / f"{loaded.name}_seed{seed}"
    result = run_train(loaded, folder.resolve(), Path(data) if data else None, SilentProgress())
    return result.test["map50"], result.twin_test["map50"]


def all_of_a_seed(
    config: str, methods: list[str], seed: int, data: str | None, overrides: list[str]
) -> dict[str, float]:
    """One run folder a seed, so one process a seed."""
    found = {}
    for method in methods:
        found[method], found["twin"] = trained(config, method, seed, data, overrides)
        print(f"seed {seed}, {method}: map50 {found[method]:.4f}, twin {found['twin']:.4f}", flush=True)
    return found


def interval(differences: list[float]) -> str:
    """Mean and half-width of the 95 % interval; a single pair has none."""
    mean = statistics.mean(differences)
    if len(differences) < 2:
        return f"{mean:+.4f}"
    half = STUDENT_T[len(differences)] * statistics.stdev(differences) / math.sqrt(len(differences))
    return f"{mean:+.4f} ± {half:.4f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config")
    parser.add_argument("--methods", nargs="+", default=list(METHODS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--data", help="the folder that holds VOCdevkit, for VOC data")
    parser.add_argument("--set", nargs="*", default=[], dest="overrides", metavar="KEY=VALUE")
    asked = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1" if asked.processes > 1 else str(os.cpu_count()))
    with ProcessPoolExecutor(asked.processes) as pool:
        jobs = [
            pool.submit(all_of_a_seed, asked.config, asked.methods, seed, asked.data, asked.overrides)
            for seed in asked.seeds
        ]
        found = [job.result() for job in jobs]
    print(
        f"\n{'method':14}" + "".join(f"{f'seed {seed}':>10}" for seed in asked.seeds) + f"{'mean':>10}   against sign"
    )
    for method in ["twin", *asked.methods]:
        values = [one[method] for one in found]
        against = interval([one[method] - one["sign"] for one in found]) if "sign" in asked.methods else ""
        print(f"{method:14}" + "".join(f"{v:10.4f}" for v in values) + f"{statistics.mean(values):10.4f}   {against}")


if __name__ == "__main__":
    main()
