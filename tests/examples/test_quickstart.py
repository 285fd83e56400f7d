"""examples/quickstart.py and its notebook: the same code, and both run to the boxes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
NOTEBOOK = EXAMPLES / "quickstart.ipynb"


def cells():
    return json.loads(NOTEBOOK.read_text("utf-8"))["cells"]


def test_the_notebooks_code_is_the_scripts():
    _, code = (EXAMPLES / "quickstart.py").read_text("utf-8").split('"""\n\n', 1)
    assert "\n\n".join("".join(cell["source"]) for cell in cells() if cell["cell_type"] == "code") + "\n" == code
    statements = [line for line in code.splitlines() if line]
    assert len(statements) <= 11  # ten lines, and the import


def test_the_notebook_is_kept_without_outputs():
    assert [cell for cell in cells() if cell.get("outputs") or cell.get("execution_count")] == []


def check(output):
    """The front's columns, the retrained detector's figures, and boxes in the first test image."""
    assert "bit_ops" in output
    assert "'map50_11': " in output
    assert "test_000000.jpg " in output


@pytest.mark.slow
def test_the_script_runs(tmp_path):
    command = [sys.executable, str(EXAMPLES / "quickstart.py")]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    check(done.stdout)
    assert "search: 10 of 10 in " in done.stderr
    assert len(list(tmp_path.glob("runs/quickstart/retrained/*/detector.safetensors"))) == 1


@pytest.mark.slow
def test_the_notebook_runs(tmp_path):
    nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed: pip install '.[dev]'")
    nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed: pip install '.[dev]'")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbclient.NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    check("".join(output["text"] for output in outputs if output.get("name") == "stdout"))
