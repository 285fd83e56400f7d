"""Commands call their function with what was typed, and print what it returns or one message."""

import json
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

import results
from search.cli.app import app
from search.comparison.retraining import RetrainSettings
from search.config import config_text, load_config
from search.errors import RunError

LEAST = "name: least\ndata: {format: shapes}\nstudent: {detector: ssd_resnet18}\n"


@pytest.fixture
def call():
    return lambda *arguments: CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def run(tmp_path):
    """A run folder with a config and a front of two."""
    records = [
        {"number": n, "id": f"{n}{n}", "state": "complete", "reason": None, "layer/b0": method, "teacher/t": "none"}
        | {"map50": 0.25 * (n + 1), "bit_ops": 1e6 * (n + 1), "ops": 5e5 * (n + 1)}
        for n, method in enumerate(["sign", "real"])
    ]
    results.write_run_tables(tmp_path, records, x="ops", y="map50")
    (tmp_path / "config.yaml").write_text(config_text(load_config("demo", ["search.objectives=[map50, ops]"])))
    return tmp_path


@pytest.fixture
def searched(monkeypatch, run):
    """Stands for the pipeline, and remembers what it was called with."""
    calls = []

    def run_search(config, run_dir, data_root, progress):
        calls.append(SimpleNamespace(config=config, run_dir=run_dir, data_root=data_root))
        return SimpleNamespace(run=results.open_run(run), retrained=None)

    monkeypatch.setattr("search.stages.search.run_search", run_search)
    return calls


def refused(result):
    """The message of a user's mistake."""
    assert result.exit_code == 2
    assert "Traceback" not in result.stderr
    assert result.stderr.startswith("Error: ")
    assert result.stdout == ""
    return result.stderr


def test_the_front_of_a_search_that_was_stopped_says_so_and_how_to_go_on(call, run):
    rows = [{"number": 7, "id": "77", "state": "complete", "reason": None, "map50": 0.5, "ops": 1e6}]
    results.write_run_tables(run, rows, x="ops", y="map50", planned=60, ended=False)
    result = call("front", run, "--format", "csv")
    assert result.stdout.startswith("ops,map50,id\n1000000.0,0.5,77")
    first, second = result.stderr.splitlines()
    assert first == "the search is unfinished: 1 of 60 trials"
    assert second == f"Go on with it by: bitfront search {run}/config.yaml --run-dir {run}"


def test_search_takes_a_preset_its_shortcuts_and_absolute_paths(call, searched, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = call("search", "demo", "--workers", 1, "--address", "h:1", "--data", "images", "--set", "seed=3")
    assert result.exit_code == 0, result.stderr
    (asked,) = searched
    assert asked.run_dir == tmp_path / "runs/demo"
    assert asked.data_root == tmp_path / "images"
    assert (asked.config.search.workers, asked.config.search.address, asked.config.seed) == (1, "h:1", 3)
    assert "The front is in runs/demo" in result.stdout
    assert "0.2500" in result.stdout


def test_a_mistake_in_the_config_is_refused(call, tmp_path):
    (tmp_path / "search.yaml").write_text(LEAST + "serch: {}\n")
    assert "search.yaml: serch: there is no such key. Did you mean search?" in refused(
        call("search", tmp_path / "search.yaml")
    )
    assert "no preset of that name. Did you mean 'demo'?" in refused(call("search", "demmo"))
    assert "--set trials: must have the form key=value" in refused(call("cost", "demo", "--set", "trials"))


def test_a_command_that_does_not_exist_exits_with_2(call):
    assert call("serch").exit_code == 2


def test_the_front_is_shown_over_the_searchs_own_axes(call, run):
    result = call("front", run)
    assert result.exit_code == 0, result.stderr
    header = result.stdout.splitlines()[1]
    assert [part.strip() for part in header.strip("┃").split("┃")][:3] == ["id", "ops", "map50"]
    assert "1 sign" in result.stdout


def test_the_front_comes_in_every_format(call, run, tmp_path):
    assert call("front", run, "--format", "csv", "--x", "bit_ops").stdout.startswith("bit_ops,map50,id,ops,")
    assert [row["id"] for row in json.loads(call("front", run, "--format", "json").stdout)] == ["00", "11"]
    assert call("front", run, "--format", "parquet", "-o", tmp_path / "f.parquet").exit_code == 0
    assert (tmp_path / "f.parquet").read_bytes().startswith(b"PAR1")


def test_a_front_that_cannot_be_shown_is_refused(call, run, tmp_path):
    assert "none does not exist. Start a run with `bitfront search CONFIG" in refused(call("front", tmp_path / "none"))
    assert "No measured column is called 'bitops'. Did you mean 'bit_ops'?" in refused(
        call("front", run, "--x", "bitops")
    )
    (run / "trials.parquet").write_bytes(b"PAR1")
    assert "trials.parquet is not readable as a trials table" in refused(call("front", run))


def test_the_front_needs_the_table_alone(call, run):
    (run / "config.yaml").write_text("search: 3")
    assert call("front", run).exit_code == 0


def test_retraining_needs_exactly_one_choice(call, run):
    assert "choose what to retrain by exactly one of --candidate ID, which may be repeated, --pick knee" in refused(
        call("retrain", run)
    )
    assert "No candidate of" in refused(call("retrain", run, "--max-ops", 10))


def test_retraining_passes_its_options_on(call, run, monkeypatch):
    asked = []

    def run_retrainings(run_dir, settings, **where):
        asked.append((run_dir, settings, where["workers"], where["data_root"]))
        raise RunError("That is all.")

    monkeypatch.setattr("search.comparison.retraining.run_retrainings", run_retrainings)
    assert "That is all." in refused(call("retrain", run, "--max-ops", "7e5", "--epochs", 3))
    many = ["--candidate", "00", "--candidate", "01", "--seeds", "0", "1", "--start", "twin", "--no-real"]
    assert "That is all." in refused(call("retrain", *many, run, "--workers", 2))
    assert "That is all." in refused(call("retrain", run, "--front"))
    assert asked == [
        (run.resolve(), RetrainSettings(candidates=("00",), epochs=3), None, None),
        (run.resolve(), RetrainSettings(candidates=("00", "01"), start="twin", seeds=(0, 1), real=False), 2, None),
        (run.resolve(), RetrainSettings(), None, None),
    ]


def test_what_is_no_checkpoint_of_ours_is_refused(call, tmp_path):
    assert "There is no checkpoint" in refused(call("evaluate", tmp_path / "gone.safetensors", "--data", tmp_path))
    assert "name a .safetensors file in it" in refused(call("evaluate", tmp_path, "--data", tmp_path))
    (tmp_path / "foreign.pt").write_bytes(b"PK\x03\x04")
    assert "is no Bitfront checkpoint" in refused(call("evaluate", tmp_path / "foreign.pt", "--data", tmp_path))


def test_costs_are_counted_layer_by_layer(call, tmp_path):
    (tmp_path / "search.yaml").write_text(LEAST)
    result = call("cost", tmp_path / "search.yaml", "--set", "data.image_size=96", "--format", "json")
    assert result.exit_code == 0, result.stderr
    *layers, total = json.loads(result.stdout)
    assert total["layer"] == "total"
    assert total["bit_ops"] == sum(layer["bit_ops"] for layer in layers)
    table = call("cost", tmp_path / "search.yaml", "--set", "data.image_size=96")
    header, *rows = [
        [cell.strip() for cell in line.strip("┃│").replace("┃", "│").split("│")]
        for line in table.stdout.splitlines()
        if line.startswith(("┃", "│"))
    ]
    last = dict(zip(header, rows[-1], strict=True))
    assert {name: float(last[name].replace(",", "")) for name in ("macs_1bit", "bit_ops", "memory_bits")} == {
        "macs_1bit": 0,
        "bit_ops": total["bit_ops"],
        "memory_bits": total["memory_bits"],
    }
    assert "bit_ops = MACs x weight bits x input bits" in table.stdout


def test_a_two_stage_detectors_costs_name_the_number_of_proposals(call, tmp_path):
    (tmp_path / "search.yaml").write_text(LEAST)
    options = ["--set", "student.detector=faster_rcnn_resnet18", "--set", "data.image_size=96", "--format", "json"]
    result = call("cost", tmp_path / "search.yaml", *options)
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)[-1]["method"] == "96 x 96, 5 classes, 300 proposals"


def test_costs_say_which_layers_a_search_may_switch(call, tmp_path):
    (tmp_path / "search.yaml").write_text(LEAST)
    options = ["--set", "student.detector=ssdlite_mobilenetv2", "--set", "data.image_size=96", "--format", "json"]
    *layers, total = json.loads(call("cost", tmp_path / "search.yaml", *options).stdout)
    searched = {row["layer"]: row["searched"] for row in layers}
    assert list(searched.values()).count("yes") == 34
    assert searched["backbone.stage1.0.project"] == "yes"
    assert searched["backbone.stage1.0.depthwise.conv"] == "open: depthwise.stage1"
    assert searched["backbone.stem.conv"] == "open: stem"
    assert {one for name, one in searched.items() if name.startswith("cls_heads.0")} == {"no", "open: heads.cls"}
    assert total["searched"] == ""
    (tmp_path / "half.json").write_text('{"layer/backbone.stage1": "sign"}')
    table = call("cost", tmp_path / "search.yaml", *options[:-2], "--candidate", tmp_path / "half.json")
    assert "Layers that a search may switch: 33 real, 1 sign." in table.stdout


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "candidate.json is no candidate: "),
        ('{"layer/nowhere": "sign"}', "has no layer called nowhere"),
        ('{"layer/backbone": "sign", "layer/backbone": "real"}', "it names layer/backbone more than once"),
        ("[1]", "is no candidate: it is a list of 1; write one of its entries to a file of its own"),
    ],
)
def test_a_file_that_is_no_candidate_is_refused(call, tmp_path, content, message):
    (tmp_path / "candidate.json").write_text(content)
    assert message in refused(call("cost", "demo", "--candidate", tmp_path / "candidate.json"))


def test_the_front_of_a_run_with_several_rungs_says_which_one_it_is(call, run):
    records = [
        {"number": 0, "id": "00", "state": "complete", "reason": None, "layer/b": "real", "ops": 1e6, "rung": rung}
        | {"bit_ops": 1e9, "map50": 0.5 + 0.1 * rung}
        for rung in (0, 1)
    ]
    results.write_run_tables(run, records, x="ops", y="map50")
    highest, first = call("front", run, "--format", "csv"), call("front", run, "--format", "csv", "--rung", "0")
    assert highest.stderr == "This is the front at rung 1; the run has rungs 0 and 1.\n"
    assert first.stderr == "This is the front at rung 0; the run has rungs 0 and 1.\n"
    assert [one.stdout.splitlines()[1] for one in (highest, first)] == [
        "1000000.0,0.6,00,1000000000.0,1,real",
        "1000000.0,0.5,00,1000000000.0,0,real",
    ]
    assert "No rung is called '2'" in refused(call("front", run, "--rung", "2"))
