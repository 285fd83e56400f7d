"""The run of docs/tutorial/ as far as its tables go: the demo's space, the front's figures as the pages print them."""

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

import results
from results.layers import write_layer_costs
from search.config import config_text, load_config
from search.plan.plan import plan_search
from search.run.folder import RunFolder
from search.stages.accuracy_model import ModelTables
from spaces.candidate import Candidate

BLOCKS = [f"layer/backbone.layer{stage}.{block}" for stage in (1, 2, 3, 4) for block in (0, 1)]
OPENED = ["layer/stem", "layer/shortcuts", "layer/heads.cls", "layer/heads.box"]
FRONT = {
    "8e2c50102c": (["sign+input_norm"] * 8, 0.347574),
    "98fd38d539": (["sign+input_norm", "1", "int4", "1", "int4", "1", "sign+input_norm", "1"], 0.439823),
    "c4e0e2f402": (["int4"] * 8, 0.481991),
}
"""By id the methods of the eight blocks (`1`: react+input_norm), the rest being int4, and map50."""
TAUGHT = {"98fd38d539": {"teacher/feature_hint": "twin", "weight/feature_hint": 0.1}}
"""By id what isn't taught by none."""
TRIALS = 24
BEGIN, SCORE = datetime(2026, 1, 1, tzinfo=UTC), timedelta(seconds=3)


def write_tutorial_run(folder: Path) -> None:
    """Three candidates of the front as the tutorial has them, and random ones that score less, 24 in all."""
    config = load_config("demo", [f"search.trials={TRIALS}"])
    plan = plan_search(config, None)
    rng = np.random.default_rng(0)
    scored = [(_candidate(methods, TAUGHT.get(name, {})), map50) for name, (methods, map50) in FRONT.items()]
    while len(scored) < TRIALS:
        drawn = Candidate({knob.key: rng.choice(np.array(knob.choices, dtype=object)) for knob in plan.space.knobs})
        scored.append((plan.space.canonical(drawn), 0.3 + rng.uniform(-0.05, 0.04)))
    rows = [
        {"number": number, "id": candidate.id, "state": "complete", "reason": None, "map50": map50, "map50_11": map50}
        | dict(candidate)
        | plan.cost_table.costs(candidate)
        | {"started": BEGIN + number * SCORE, "completed": BEGIN + (number + 1) * SCORE}
        for number, (candidate, map50) in enumerate(scored)
    ]
    model = ModelTables(plan.space, plan.cost_table.costs, config.search.objectives, saved="bit_ops")
    modelled, effects = model.of(rows)
    RunFolder(folder).path.mkdir(parents=True)
    results.write_run_tables(folder, modelled, x="bit_ops", y="map50", effects=effects, planned=TRIALS, ended=True)
    write_layer_costs(folder, [asdict(share) for share in plan.cost_table.shares()])
    RunFolder(folder).config.write_text(config_text(config))


def _candidate(methods: list[str], taught: dict[str, object]) -> Candidate:
    named = [{"1": "react+input_norm"}.get(method, method) for method in methods]
    layers = dict(zip(BLOCKS, named, strict=True)) | dict.fromkeys(OPENED, "int4")
    return Candidate(layers | {"teacher/feature_hint": "none"} | taught)
