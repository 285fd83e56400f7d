import pytest

from results import RunError, open_run, write_run_tables
from results.layers import write_layer_costs
from tests.results.conftest import share


@pytest.fixture
def opened(tmp_path, whole_run):
    """Opens a run of these records that has the layers of the whole run."""

    def write(records):
        write_run_tables(tmp_path, records, x="bit_ops", y="map50", ended=False)
        (tmp_path / "layer_costs.parquet").write_bytes((whole_run / "layer_costs.parquet").read_bytes())
        return open_run(tmp_path)

    return write


def test_each_candidate_has_a_row_for_each_layer_in_the_order_of_the_network(whole):
    layers = whole.layers()
    assert len(layers) == 7 * 3
    assert layers["layer"].tolist()[:3] == ["stem", "block.0.conv", "bn"]
    assert layers["id"].tolist()[::3] == whole.trials["id"].tolist()
    assert layers["number"].tolist()[::3] == [0, 1, 3, 2, 4, 5, 6]


def test_a_layer_costs_what_its_method_does(whole):
    layers = whole.layers()
    real, binary = (layers[layers["id"].eq(name)].set_index("layer") for name in ("aa00000000", "ab00000000"))
    shown = ["method", "macs", "bit_ops", "ops"]
    assert real.loc["block.0.conv", shown].tolist() == ["real", 64, 65536, 64.0]
    assert binary.loc["block.0.conv", shown].tolist() == ["bireal", 64, 64, 1.0]
    assert binary["memory_bits"].sum() == 640 + 42 + 96
    assert binary["kind"].tolist() == ["stem", "block", "fixed"]
    assert binary["choice"].isna().tolist() == [False, False, True]


def test_a_candidate_of_several_rungs_has_its_layers_once(opened, records):
    assert len(opened([records[0], records[0] | {"rung": 1}]).layers()) == 3


def test_without_trials_there_are_no_layers(opened):
    assert opened([]).layers().empty


def test_the_costs_are_written_once(whole_run):
    before = (whole_run / "layer_costs.parquet").read_bytes()
    write_layer_costs(whole_run, [])
    assert (whole_run / "layer_costs.parquet").read_bytes() == before


def test_times_of_layers_and_what_lies_between_them_add_up(tmp_path, records):
    """Layers take 0.5 and 1 or 0.25 ms; of the all-real candidate 2 ms are known, of the other 1.5."""
    named = [("real", 1.0, 2.0), ("bireal", 0.25, 1.5)]
    shares = [share("stem", "", "real", 2, 32, 640) | {"latency_ms": 0.5}]
    shares += [share("conv", "layer/conv", method, 64, 32, 320) | {"latency_ms": ms} for method, ms, _ in named]
    rows = [
        {key: value for key, value in records[0].items() if not key.startswith("layer/")}
        | {"number": n, "id": method, "layer/conv": method, "latency_ms": whole}
        for n, (method, _, whole) in enumerate(named)
    ]
    write_run_tables(tmp_path, rows, x="latency_ms", y="map50", ended=False)
    write_layer_costs(tmp_path, [one | {"latency_ms": None} for one in shares])  # before there was a table of times
    assert "latency_ms" not in open_run(tmp_path).layers()
    write_layer_costs(tmp_path, shares)
    layers = open_run(tmp_path).layers()
    assert layers["layer"].tolist() == ["stem", "conv", "between layers"] * 2
    assert layers["latency_ms"].tolist() == [0.5, 1.0, 0.5, 0.5, 0.25, 0.75]
    assert layers.groupby("id", sort=False)["latency_ms"].sum().tolist() == [2.0, 1.5]


def test_a_run_of_an_earlier_version_says_how_to_get_them(tmp_path, records):
    write_run_tables(tmp_path, records, x="bit_ops", y="map50", ended=False)
    message = r"has no layer_costs.parquet: an earlier version made it. `bitfront search \S+config.yaml --run-dir \S+`"
    with pytest.raises(RunError, match=message):
        open_run(tmp_path).layers()
