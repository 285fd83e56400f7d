"""Which retrained detectors a page shows one by one."""

import json
import shutil

import pytest

import results
from results import layout
from results.report.classes import classes_section
from results.report.detections import detections_section
from results.report.shown import shown_detectors
from results.tables import write_run_tables

FRONT = [f"{n:02d}00000000" for n in range(10)]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A front of ten, three seeds of each: 1,000 to 10,000 operations, the steepest gain at the third; the last real.

    The first was also trained for 60 epochs, the second for these only. Kept are the detections of a teacher and of
    two detectors.
    """
    folder = tmp_path_factory.mktemp("shown")
    trials = [
        {"number": n, "id": own, "state": "complete", "layer/stem": "real" if n == 9 else "sign"}
        | {"map50": (0.1, 0.2, 0.6)[n] if n < 3 else 0.6 + 0.01 * n, "bit_ops": 1000.0 * (n + 1)}
        for n, own in enumerate(FRONT)
    ]
    write_run_tables(folder, trials, x="bit_ops", y="map50")
    names = {
        f"{own}{end}": seed for own in FRONT for seed, end in enumerate(("", "_supernet_seed1", "_supernet_seed2"))
    }
    for name, seed in (names | {f"{FRONT[0]}.2": 0}).items():
        place = folder / layout.RETRAINED / name
        place.mkdir(parents=True)
        settings = {
            "epochs": 60 if name.endswith(".2") or name.startswith(FRONT[1]) else 20,
            "seed": seed,
            "start": "supernet",
        }
        kept = {"id": name[:10], "settings": settings, "test": {"map50": 0.5}, "test_classes": {"cat": {"map50": 0.5}}}
        (place / layout.RESULT_FIGURES).write_text(json.dumps(kept))
    networks = [{"name": name, "detections": []} for name in ("twin (teacher)", f"retrained {FRONT[2]}", "retrained x")]
    record = {"size": 96, "classes": ["cat"], "split": "test", "images": [], "networks": networks}
    (folder / layout.DETECTIONS).mkdir()
    (folder / layout.DETECTIONS / layout.DETECTIONS_RECORD).write_text(json.dumps(record))
    return results.open_run(folder)


def test_the_knee_the_all_real_one_then_the_front_one_training_of_each(run):
    choice = shown_detectors(run)
    expected = [FRONT[2], FRONT[9], FRONT[0], FRONT[1], FRONT[3], FRONT[4], FRONT[5]]
    assert [one.place.name for one in choice.shown] == expected
    named = [f"{FRONT[2]} (knee)", f"{FRONT[9]} (all real)", FRONT[0], f"{FRONT[1]}, supernet 60 epochs"]
    assert [one.name for one in choice.shown][:4] == named
    assert choice.trained == 31


def test_the_section_on_classes_shows_these_and_says_so(run):
    section = classes_section(run)
    assert [one["name"] for one in section.figures[0].data] == [one.name for one in shown_detectors(run).shown]
    assert section.lines[0].startswith("7 of 31 retrained detectors are shown: the knee,")


def test_detections_have_the_same_names_and_say_how_many_are_kept(run):
    section = detections_section(run)
    assert section.data["networks"] == ["twin (teacher)", f"retrained {FRONT[2]} (knee)", "retrained x"]
    assert section.lines[0].startswith("1 of 31 retrained detectors are shown")


def test_of_trainings_that_equally_many_have_the_longest_is_shown(run, tmp_path):
    for name in ("trials.parquet", f"retrained/{FRONT[0]}", f"retrained/{FRONT[0]}.2"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (shutil.copytree if name != layout.TRIALS else shutil.copy)(run.path / name, tmp_path / name)
    assert [one.place.name for one in shown_detectors(results.open_run(tmp_path)).shown] == [f"{FRONT[0]}.2"]


def test_nothing_is_said_where_all_are_shown(run, run_folder):
    assert shown_detectors(results.open_run(run_folder)).remarks(0) == []
    assert shown_detectors(run).remarks(31) == []
