"""A search on a cluster of several nodes, which are processes of this machine: nodes join late and are lost."""

import threading
from types import SimpleNamespace

import pytest
import ray
from drive_search import open_controller
from ray.cluster_utils import Cluster

import search.workers.nodes as nodes_module
from search.controller.proposal import Done
from search.errors import RunError
from search.workers.nodes import Nodes
from search.workers.runner import run_trials
from search.workers.share import Demand

pytestmark = pytest.mark.slow
QUICK = {"health_check_initial_delay_ms": 1000, "health_check_period_ms": 500, "health_check_failure_threshold": 2}


class CountedParts:
    """Parts that count how often the driver serializes them. folder: where each node leaves a file when it scores."""

    serialized = 0

    def __init__(self, folder, nodes):
        self.state = {"folder": str(folder), "nodes": nodes}

    def __reduce__(self):
        CountedParts.serialized += 1
        return SimpleNamespace, (), self.state


def make_node_scorer(parts):
    """A scorer that notes its node and the packages that Ray brought. From the fourth on it waits for all nodes."""
    import time
    from pathlib import Path

    class NodeScorer:
        scored = 0

        def score(self, candidate, rung=0):
            node = ray.get_runtime_context().get_node_id()[:8]
            (Path(parts.folder) / node).touch()
            self.scored += 1
            while self.scored > 3 and len(list(Path(parts.folder).iterdir())) < parts.nodes:
                time.sleep(0.1)
            time.sleep(0.2)
            signs = list(candidate.layers().values()).count("sign")
            packages = ray.get_runtime_context().runtime_env["py_modules"]
            shipped = sum(package.startswith("gcs://_ray_pkg_") for package in packages)
            seconds = {"node": int(node, 16), "shipped": shipped}
            return SimpleNamespace(metrics={"map50": 0.9 - 0.05 * signs}, seconds=seconds)

    return NodeScorer()


def by_value(function):
    """Like the function, but Ray sends its code along, because workers can't import this module."""
    ray.cloudpickle.register_pickle_by_value(__import__("sys").modules[function.__module__])
    return function


@pytest.fixture(scope="module")
def cluster():
    """A head that scores nothing; each test adds its nodes."""
    one = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "_system_config": QUICK})
    yield one
    ray.shutdown()
    one.shutdown()


def meeting(tmp_path):
    (tmp_path / "nodes").mkdir()
    return tmp_path / "nodes"


def short(node):
    return int(node.node_id[:8], 16)


def search_on(cluster, controller, parts, **settings):
    nodes = Nodes(cluster.address, Demand(cpu=1))
    return run_trials(controller, parts, by_value(make_node_scorer), nodes=nodes, **settings)


def test_a_node_joins_late_and_another_is_lost_and_every_candidate_is_scored_once(cluster, tmp_path, recorded_progress):
    controller, progress, rows = open_controller(tmp_path / "run", trials=24, workers=4), recorded_progress(), []
    first, second, lost = cluster.add_node(num_cpus=2), [], []
    parts = CountedParts(meeting(tmp_path), nodes=2)
    CountedParts.serialized = 0

    def on_results(finished):
        rows.extend(finished)
        if len(rows) >= 2 and not second:
            second.append(cluster.add_node(num_cpus=2))
        elif second and not lost and any(row["seconds_node"] == short(second[0]) for row in finished):
            lost.append(len(rows))
            cluster.remove_node(first, allow_graceful=False)

    done = search_on(cluster, controller, parts, workers=4, progress=progress, on_results=on_results)
    assert done is Done.BUDGET
    assert sorted(row["number"] for row in rows) == list(range(24))
    assert {row["state"] for row in rows} == {"complete"}
    assert {row["seconds_node"] for row in rows} == {short(first), short(second[0])}
    assert {row["seconds_shipped"] for row in rows} == {4}  # search, spaces, trainers, results
    assert CountedParts.serialized == 1
    assert "search: 2 of 4 workers have a place; the others wait for nodes" in progress.notes
    assert any("a node was lost" in note for note in progress.notes)
    cluster.remove_node(second[0])


def test_a_search_that_has_lost_all_nodes_ends_with_what_to_do(cluster, tmp_path, monkeypatch, recorded_progress):
    monkeypatch.setattr(nodes_module, "LOST_SECONDS", 5.0)
    controller, progress = open_controller(tmp_path / "run", trials=24, workers=2), recorded_progress()
    only = cluster.add_node(num_cpus=2)

    def on_results(rows):
        if rows and controller.finished == 3:
            threading.Thread(target=cluster.remove_node, args=[only, False]).start()

    with pytest.raises(
        RunError, match=r"All nodes that could hold a worker are lost.* 'ray start --address=HEAD:PORT'"
    ):
        search_on(
            cluster,
            controller,
            CountedParts(meeting(tmp_path), nodes=1),
            workers=2,
            progress=progress,
            on_results=on_results,
        )
    assert {row["state"] for row in controller.records()} == {"complete"}
    assert any(note.startswith("search: no node can hold a worker any more") for note in progress.notes)
