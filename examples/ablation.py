"""Train one network a layer method and seed, alike in all else, and compare them in pairs.

    python examples/ablation.py examples/ablation_shapes.yaml --seeds 0 1 2 --processes 2

Every method starts from the same real-valued twin of its seed, has the same epochs, images and order of images, and is
measured on the test images. With `--layers` it goes into these modules alone, and all else is real. Those with `/lws`
behind their name have LWS-Det's layer losses and imitation besides (docs/reference/lws_det.md); the others have no
distillation.
`bireal+learned_scale+prelu` is `dbs` without the search of signs. The table gives map50 for each seed, and the
differences from three methods as means over seeds with their 95 % interval (Student's t of the paired differences).
Stopped and started again it goes on; what is finished is read from the runs.
"""

import statistics
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from paired import interval
from plan import Arm, Plan
from seeds import parsed, seed_by_seed, seed_parser, told_clearly, told_of, trained

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


def planned(config: str, methods: list[str], overrides: list[str], modules: list[str]) -> Plan:
    """An arm a method. Raises ConfigError for a config that can't be read."""
    from search.config import load_config

    folder, arms = load_config(config, overrides).name, []
    for method in methods:
        terms = [LWS_TERMS] if method.endswith(TAUGHT) else []
        layers = f"train.layers={layers_of(method.removesuffix(TAUGHT), modules)}"
        arms.append(Arm("methods", method, folder, (layers, *terms, *overrides)))
    return Plan(config, (), {}, tuple(arms))


def all_of_a_seed(plan: Plan, data: str | None, seed: int) -> dict[str, float]:
    """map50 on the test images by method, and of the twin. One run folder a seed, so one process a seed."""
    found = {}
    for arm in plan.arms:
        with told_of(f"seed {seed}, {arm.name}"):
            result = trained(plan.config, [f"seed={seed}", *arm.overrides], f"{arm.folder}_seed{seed}", data)
        found[arm.name], found["twin"] = result.test["map50"], result.twin_test["map50"]
        print(f"seed {seed}, {arm.name}: map50 {found[arm.name]:.4f}, twin {found['twin']:.4f}", flush=True)
    return found


def main() -> None:
    parser = seed_parser(__doc__)
    parser.add_argument("config")
    parser.add_argument("--methods", nargs="+", default=list(ARMS))
    parser.add_argument("--layers", nargs="*", default=[], help="the modules that get the method; without, all do")
    parser.add_argument("--data", help="the folder that holds VOCdevkit, for VOC data")
    asked = parsed(parser)
    with told_clearly(), TemporaryDirectory() as place:
        plan = planned(asked.config, asked.methods, asked.overrides, asked.layers)
        found = seed_by_seed(
            asked,
            partial(plan.check, asked.seeds, (), asked.data, Path(place)),
            partial(all_of_a_seed, plan, asked.data),
        )
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
