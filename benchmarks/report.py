"""How long a large run's report takes to make, and how large the page is.

Budgets (docs/measurements/budgets.md): the page of a made-up run of 5,000 trials over 60 knobs, with its trainings and
ten test images of 320 pixels with the detections of four networks, takes at most 10 s and 5 MB. The least of three
times is compared, and processor time is printed beside it, since a machine with other work takes longer. Exit status 1
when a budget is missed.

Run it with: python benchmarks/report.py
"""

import io
import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

import results
from results import layout
from results.report import write_report
from results.tables import write_run_tables

TRIALS, KNOBS, METHODS = 5000, 60, ("real", "int8", "int4", "sign", "bireal")
TRAININGS, EPOCHS = 12, 200
SECONDS, MEGABYTES, TIMES = 10.0, 5.0, 3


def records() -> list[dict[str, object]]:
    """Accuracy falls and cost falls with every 1-bit layer, both at random; one in fifty fails."""
    random = np.random.default_rng(0)
    chosen = random.integers(0, len(METHODS), (TRIALS, KNOBS))
    map50 = 0.8 - 0.004 * chosen.sum(1) / len(METHODS) * 5 / 4 + random.normal(0, 0.01, TRIALS)
    bit_ops = 1e10 / 2.0 ** (chosen.mean(1) * 2)
    rows: list[dict[str, object]] = []
    for number in range(TRIALS):
        failed = number % 50 == 7
        figures = {"map50": map50[number], "map50_11": map50[number] - 0.01, "map50_model": map50[number] + 0.002}
        figures |= {"map50_model_se": 0.005}
        costs = {"bit_ops": bit_ops[number], "ops": bit_ops[number] / 64, "memory_mb": bit_ops[number] / 1e9}
        row = {"number": number, "id": f"{number:010x}", "state": "failed" if failed else "complete"}
        row |= {"reason": f"diverged at step {number}" if failed else None}
        row |= {f"layer/backbone.block{i}": METHODS[chosen[number, i]] for i in range(KNOBS)}
        rows.append(row | costs | {"seconds_adapt": 1.5, "seconds_evaluate": 0.7} | ({} if failed else figures))
    return rows


def write_records(folder: Path) -> None:
    """The run's tables, its trainings, and images of noise, which JPEG can't make small."""
    write_run_tables(folder, records(), x="bit_ops", y="map50")
    lines = [
        {
            "stage": f"retrain {one:010x}",
            "epoch": epoch,
            "of": EPOCHS,
            "loss": 9 / epoch,
            "cls": 5 / epoch,
            "box": 4 / epoch,
        }
        for one in range(TRAININGS)
        for epoch in range(1, EPOCHS + 1)
    ]
    (folder / layout.TRAINING_LOG).write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    kept = folder / layout.DETECTIONS
    kept.mkdir()
    random = np.random.default_rng(1)
    images, boxes = [], [{"box": [10.0, 10.0, 99.5, 200.0], "label": 1, "score": 0.5}] * 20
    for place in range(10):
        content = io.BytesIO()
        noise = random.integers(0, 256, (40, 40, 3), dtype=np.uint8)
        Image.fromarray(noise).resize((320, 320)).save(content, format="JPEG", quality=82)
        (kept / f"{place}.jpg").write_bytes(content.getvalue())
        images.append({"name": str(place), "file": f"{place}.jpg", "objects": boxes[:3]})
    networks = [{"name": f"network {one}", "sha256": "", "detections": [boxes] * 10} for one in range(4)]
    record = {"size": 320, "classes": ["thing"], "split": "test", "images": images, "networks": networks}
    (kept / layout.DETECTIONS_RECORD).write_text(json.dumps(record))


def main() -> int:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "run"
        folder.mkdir()
        write_records(folder)
        front = len(results.open_run(folder).front())
        times, processor = [], []
        for _ in range(TIMES):
            started, begun = time.perf_counter(), time.process_time()
            page = write_report(folder)
            times.append(time.perf_counter() - started)
            processor.append(time.process_time() - begun)
        megabytes = page.stat().st_size / 1e6
    print(f"{TRIALS} trials x {KNOBS} knobs, a front of {front}")
    print(f"    processor time {min(processor):.2f} s; the first {processor[0]:.2f} s")
    missed = report("time to make, s", min(times), SECONDS)
    return int(report("size, MB", megabytes, MEGABYTES) or missed)


def report(name: str, measured: float, budget: float) -> bool:
    """Print a figure beside its budget, and say whether it is above."""
    missed = measured > budget
    print(f"{name:20} {measured:7.2f}   budget {budget:5.1f}   {'MISSED' if missed else 'ok'}", flush=True)
    return missed


if __name__ == "__main__":
    sys.exit(main())
