"""Time of looking at a run: opening it, its front, its ranks, its history and its layers.

Budgets (docs/measurements/budgets.md): opening a run of 5,000 trials over 60 knobs takes at most 1 s, a front of
100,000 trials 1 s, ranks and history of 5,000 trials 0.5 s. Processor time, best of three, since other work must not
count. Exit status 1 when a budget is missed.

Run it with: python benchmarks/frames.py
"""

import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

import results
from results import Run
from results.layers import write_layer_costs

TRIALS, KNOBS, MANY = 5000, 60, 100_000
METHODS = ("real", "sign", "bireal", "int8")
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


def write_run(folder: Path) -> None:
    """The tables of a run whose candidates are drawn at random."""
    rng = np.random.default_rng(0)
    choices = rng.integers(0, len(METHODS), (TRIALS, KNOBS))
    costs = 1e9 - 1e7 * (choices > 0).sum(axis=1) + rng.random(TRIALS)
    accuracies = 0.2 + costs / 2e9 + 0.02 * rng.standard_normal(TRIALS)
    records = [
        {"number": n, "id": f"{n:010x}", "state": "complete", "reason": None}
        | {f"layer/backbone.block{k}": METHODS[choice] for k, choice in enumerate(choices[n])}
        | {"map50": accuracies[n], "bit_ops": costs[n], "memory_mb": float(rng.random()), "seconds_adapt": 1.0}
        | {"started": BEGAN + timedelta(seconds=n), "completed": BEGAN + timedelta(seconds=n + 9)}
        for n in range(TRIALS)
    ]
    results.write_run_tables(folder, records, x="bit_ops", y="map50", ended=False)
    shares = [
        {"layer": f"backbone.block{k}", "choice": f"layer/backbone.block{k}", "kind": "block", "method": method}
        | {"macs": 10, "bit_ops": 10, "ops": 10.0, "memory_bits": 10}
        for k in range(KNOBS)
        for method in METHODS
    ]
    write_layer_costs(folder, shares)


def cloud() -> Run:
    """A run of many trials, of which only the axes matter."""
    trials = pd.DataFrame({"number": np.arange(MANY), "id": "a", "state": "complete", "rung": 0, "feasible": True})
    trials[["bit_ops", "map50", "memory_mb"]] = np.random.default_rng(0).random((MANY, 3))
    return Run(Path("cloud"), trials)


def seconds(call: Callable[[], object]) -> float:
    """The least processor time of three calls."""
    taken = []
    for _ in range(3):
        started = time.process_time()
        call()
        taken.append(time.process_time() - started)
    return min(taken)


def main() -> int:
    """Print the table; 0 if within the budgets, 1 if not."""
    with tempfile.TemporaryDirectory() as folder:
        write_run(Path(folder))
        run, many = results.open_run(folder), cloud()
        rows: list[tuple[str, Callable[[], object], float | None]] = [
            (f"open_run, {TRIALS} trials x {KNOBS} knobs", lambda: results.open_run(folder), 1.0),
            (f"front(), {MANY} trials, two axes", many.front, 1.0),
            (f"front(), {MANY} trials, three axes", lambda: many.front(z="memory_mb"), 1.0),
            (f"ranks(), {TRIALS} trials, two axes", run.ranks, 0.5),
            (f"ranks(), {TRIALS} trials, three axes", lambda: run.ranks(z="memory_mb"), 0.5),
            (f"history(), {TRIALS} trials", run.history, 0.5),
            (f"layers(), {TRIALS} trials x {KNOBS} layers", run.layers, None),
        ]
        print(f"{'question':<40}{'seconds':>10}{'budget':>10}")
        missed = False
        for name, call, budget in rows:
            taken = seconds(call)
            missed |= budget is not None and taken > budget
            print(f"{name:<40}{taken:>10.3f}{'none' if budget is None else f'{budget:.1f}':>10}")
    print("MISSED a budget" if missed else "within the budgets")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
