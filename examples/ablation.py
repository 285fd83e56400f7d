"""Train one network a layer method and seed, alike in all else, and compare them in pairs.

    python examples/ablation.py examples/ablation_shapes.yaml --seeds 0 1 2 --processes 2

Every method starts from the same real-valued twin of its seed, has the same epochs, images and order of images, and is
measured on the test images. With `--layers` only these modules get the method; all others are real. Methods with `/lws`
behind their name also have LWS-Det's layer losses and imitation (docs/reference/lws_det.md); the others have no
distillation.
`bireal+learned_scale+prelu` is `dbs` without the search of signs. The table gives map50 for each seed, and the
differences from three methods as means over seeds with their 95 % interval (Student's t of the paired differences).
The same command goes on where it stopped; finished results are read from the runs.
"""

import statistics

from experiments.paired import interval
from experiments.plan import Arm, Plan
from experiments.seeds import clear_exit, parsed, seed_parser
from experiments.training import FiguresByArm, train_plan

LIKE_DBS = "bireal+learned_scale+prelu"
METHODS = ("sign", "bireal", "react", "lcb", "lcb_dynamic", LIKE_DBS, "dbs", "int8", "int4", "int2", "real")
TAUGHT = "/lws"
LWS_TERMS = (
    "train.terms={angular: {weight: 100.0}, amplitude: {weight: 1.0}, weight_reconstruction: {weight: 1.0}, "
    "fgfi: {weight: 0.02}}"
)
ARMS = (*METHODS, f"{LIKE_DBS}{TAUGHT}", f"dbs{TAUGHT}")
METHODS_COMPARISON = "methods"
AGAINST = ("sign", "react", LIKE_DBS)


def layers_of(method: str, modules: list[str]) -> str:
    """The config's value: the method everywhere, or in these modules alone and `real` elsewhere."""
    return "{" + ", ".join(f"{module}: {method}" for module in modules) + "}" if modules else method


def ablation_plan(config: str, methods: list[str], overrides: list[str], modules: list[str]) -> Plan:
    """One arm per method. Raises ConfigError for a config that can't be read."""
    from search.config import load_config

    folder, arms = load_config(config, overrides).name, []
    for method in methods:
        terms = [LWS_TERMS] if method.endswith(TAUGHT) else []
        layers = f"train.layers={layers_of(method.removesuffix(TAUGHT), modules)}"
        arms.append(Arm(METHODS_COMPARISON, method, folder, (layers, *terms, *overrides)))
    return Plan(config, (), {}, tuple(arms))


def main() -> None:
    parser = seed_parser(__doc__)
    parser.add_argument("config")
    parser.add_argument("--methods", nargs="+", default=list(ARMS))
    parser.add_argument("--layers", nargs="*", default=[], help="the modules that get the method; without, all do")
    parser.add_argument("--data", help="the folder that holds VOCdevkit, for VOC data")
    asked = parsed(parser)
    with clear_exit():
        figures = train_plan(asked, ablation_plan(asked.config, asked.methods, asked.overrides, asked.layers))
    print_table(asked.seeds, asked.methods, figures)


def print_table(seeds: list[int], methods: list[str], figures: list[FiguresByArm]) -> None:
    """A row for the twin and for each method: map50 by seed, the mean, and the differences from `AGAINST`."""
    map50 = {method: [seed[METHODS_COMPARISON, method].map50 for seed in figures] for method in methods}
    map50 = {"twin": [next(reversed(seed.values())).twin for seed in figures], **map50}
    against = [method for method in AGAINST if method in methods]
    narrow = "".join(f"{head:>10}" for head in [*(f"seed {seed}" for seed in seeds), "mean"])
    print(f"\n{'method':32}{narrow}" + "".join(f"{f'- {method}':>32}" for method in against))
    for method, values in map50.items():
        cells = "".join(f"{value:10.4f}" for value in [*values, statistics.mean(values)])
        differences = [[a - b for a, b in zip(values, map50[other], strict=True)] for other in against]
        print(f"{method:32}{cells}" + "".join(f"{interval(one):>32}" for one in differences))


if __name__ == "__main__":
    main()
