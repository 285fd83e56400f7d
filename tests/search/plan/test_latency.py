"""A search takes times from a table of its own detector and methods, keeps a copy, and tells where it has changed."""

import pytest

from results import layout
from search.config import ConfigError, load_config
from search.errors import RunError
from search.plan.latency import keep_latency_table, latency_table
from search.plan.plan import plan_search
from tests.parts.latency_tables import made_up_table

TIMES = {"real": 1.0, "int8": 0.5, "int4": 0.5, "sign": 0.25, "bireal": 0.25}
BY_TIME = "search.objectives=[map50, latency_ms]"


@pytest.fixture(scope="module")
def spec(tiny_config):
    return plan_search(tiny_config(), None).base.student


@pytest.fixture
def file(tmp_path, spec):
    path = tmp_path / "machine.json"
    path.write_text(made_up_table(TIMES, spec=spec).text())
    return path


def test_a_search_over_time_knows_each_candidates_time(tiny_config, file):
    plan = plan_search(tiny_config(BY_TIME, f"search.latency_table={file}"), None)
    assert plan.axes == ("latency_ms", "map50")
    layers = len(plan.latency.layers)
    assert plan.cost_table.costs(plan.uniform["all real"])["latency_ms"] == pytest.approx(layers)
    assert plan.cost_table.least()["latency_ms"] < layers


def test_a_bound_below_the_fastest_candidate_is_refused(tiny_config, file):
    bounds = "search.constraints={latency_ms: 0.1}"
    with pytest.raises(ConfigError, match=r"so cheap: latency_ms is 0\.1, the least is"):
        plan_search(tiny_config(bounds, f"search.latency_table={file}"), None)


@pytest.mark.parametrize("asked", [BY_TIME, "search.constraints={latency_ms: 4}"])
def test_without_a_table_the_message_says_how_to_get_one(tiny_config, asked):
    with pytest.raises(ConfigError, match=r"name its file in search.latency_table. Measure one: bitfront latency"):
        tiny_config(asked)


def test_a_table_without_one_of_the_methods_is_refused(tiny_config, file, spec):
    file.write_text(made_up_table({"real": 1.0}, spec=spec).text())
    with pytest.raises(ConfigError, match=r"search.latency_table doesn't fit .*: latency_ms of .* isn't known"):
        plan_search(tiny_config(f"search.latency_table={file}"), None)


def test_a_table_of_another_size_is_refused(tiny_config, file):
    with pytest.raises(ConfigError, match=r"another detector: image_size \d+, not 128"):
        plan_search(tiny_config(f"search.latency_table={file}", "data.image_size=128"), None)


def test_a_file_that_is_not_there_or_no_table_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"search.latency_table is .*gone.json, which isn't there"):
        latency_table(str(tmp_path / "gone.json"), None)
    (tmp_path / "other.json").write_text("{}")
    with pytest.raises(ConfigError, match=r"other.json. It is no table of times"):
        latency_table(str(tmp_path / "other.json"), None)


def test_a_begun_run_goes_on_with_its_copy_and_refuses_another_table(tmp_path, file, spec):
    run = tmp_path / "run"
    table = latency_table(str(file), run)
    keep_latency_table(run, table)
    file.write_text(made_up_table(TIMES | {"sign": 0.1}, spec=spec).text())
    assert latency_table(str(file), run) != table  # nothing was scored yet
    (run / layout.JOURNAL).touch()
    with pytest.raises(RunError, match="was begun with another table of times"):
        latency_table(str(file), run)
    file.unlink()
    assert latency_table(str(file), run) == table
    assert latency_table(None, run) == table


def test_the_key_may_change_when_a_run_goes_on():
    from search.config import changed_keys

    old, new = load_config("demo"), load_config("demo", ["search.latency_table=elsewhere.json"])
    assert not changed_keys(old, new)
