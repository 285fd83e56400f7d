"""The comparison of one rung with several, on a box of four candidates."""

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "rungs.py"
BOX = """
from spaces.space import Knob

def knobs():
    return [Knob("layer/a", ("real", "sign")), Knob("layer/b", ("real", "sign"))]

def costs(candidate):
    return {"bit_ops": float(sum(method == "real" for method in candidate.values()))}

def score(candidate):
    scores = {("real", "real"): 0.8, ("real", "sign"): 0.5, ("sign", "real"): 0.4, ("sign", "sign"): 0.2}
    return {"map50": scores[candidate["layer/a"], candidate["layer/b"]]}

def reference():
    return {"bit_ops": 2.0, "map50": 0.0}
"""


def test_the_front_is_that_of_the_highest_rung_within_the_seconds(tmp_path):
    """Of the 2 between the reference and the ideal point, all four have 0.2 from cost 0 to 1 and 0.5 from 1 to 2.

    Half of them go on: all real and, farthest from it, all sign, which has 0.2 from 0 to 2. Both are the ends, which
    come first; 5 s are enough for two scores at rung 0 and one at rung 1, that of all real, which adds nothing.
    """
    (tmp_path / "box.py").write_text(BOX)
    options = ["--blackbox", "box.py", "--steps", "0,20", "--errors", "0,0", "--seconds-a-score", "1,3", "--seeds", "1"]
    options += ["--rungs", "0;0,20", "--reduction", "2", "--seconds", "5,100", "--sampler", "random"]
    done = subprocess.run([sys.executable, str(SCRIPT), *options], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    table = json.loads(done.stdout.splitlines()[-1])
    means = {rungs: {seconds: row["mean"] for seconds, row in rows.items()} for rungs, rows in table.items()}
    assert means == {"0": {"5": 0.35, "100": 0.35}, "0,20": {"5": 0.0, "100": 0.2}}
