"""What a worker gets: it fits on nodes as they are, and no core does the work of two while others stand idle."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.errors import RunError
from search.workers.share import GIGABYTE, UNITS, Demand, Share


def share(cpus, gpus, threads):
    return Share(cpus=cpus, gpus=gpus, threads=threads, memory=0, places=0)


def nodes_of(*cores, gpus=None):
    return [{"CPU": float(c), "GPU": float(g)} for c, g in zip(cores, gpus or [0] * len(cores), strict=True)]


@pytest.mark.parametrize(
    ("node", "workers", "expected"),
    [
        ({"CPU": 2.0}, 2, share(cpus=1.0, gpus=0.0, threads=1)),
        ({"CPU": 16.0}, 3, share(cpus=5.0, gpus=0.0, threads=5)),
        ({"CPU": 2.0}, 4, share(cpus=0.5, gpus=0.0, threads=1)),
        ({"CPU": 16.0, "GPU": 1.0}, 3, share(cpus=5.0, gpus=0.3333, threads=5)),
        ({"CPU": 16.0, "GPU": 4.0}, 2, share(cpus=8.0, gpus=1.0, threads=8)),
    ],
)
def test_on_one_machine_the_cores_and_gpus_are_divided(node, workers, expected):
    assert Share.of([node], workers) == replace(expected, places=workers)


def test_two_thirds_of_a_core_are_rounded_down_so_that_three_fit_on_two():
    assert Share.of(nodes_of(2), 3).cpus == 0.6666


@pytest.mark.parametrize(
    ("cores", "workers", "cpus"),
    [
        ([1, 1], 1, 1.0),  # not 2: no node has them
        ([8, 8], 1, 8.0),
        ([8, 8], 3, 4.0),  # 5 a worker of all 16, but then only one fits on each
        ([16, 4], 2, 8.0),  # both on the larger one
        ([16, 4], 5, 4.0),
        ([16, 0], 2, 8.0),  # a head that does no work
        ([3, 3, 3], 4, 1.0),
        ([1, 1], 3, 0.5),  # 2/3 would leave the third without a place
        ([2, 1], 4, 0.6666),  # three on the larger one, one on the smaller
    ],
)
def test_a_share_is_the_largest_that_fits_on_nodes(cores, workers, cpus):
    expected = share(cpus=cpus, gpus=0.0, threads=max(1, int(cpus)))
    assert Share.of(nodes_of(*cores), workers) == replace(expected, places=workers)


@pytest.mark.parametrize(
    ("nodes", "workers", "expected"),
    [
        (nodes_of(16, 16, gpus=[1, 1]), 2, share(cpus=16.0, gpus=1.0, threads=16)),
        (nodes_of(16, 16, gpus=[1, 1]), 3, share(cpus=8.0, gpus=0.5, threads=8)),
        (nodes_of(16, 4, gpus=[1, 1]), 2, share(cpus=4.0, gpus=1.0, threads=4)),  # a GPU each before more cores
        (nodes_of(64, 8, gpus=[0, 2]), 2, share(cpus=4.0, gpus=1.0, threads=4)),  # the cores beside the GPUs count
        (nodes_of(16, gpus=[2]), 3, share(cpus=5.0, gpus=0.5, threads=5)),  # 2/3 fits once on each GPU
        (nodes_of(2, gpus=[4]), 4, share(cpus=0.5, gpus=1.0, threads=1)),
    ],
)
def test_a_part_of_a_gpu_lies_on_one_gpu_of_a_node_with_cores(nodes, workers, expected):
    assert Share.of(nodes, workers) == replace(expected, places=workers)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 3)), min_size=1, max_size=5), st.integers(1, 12))
def test_all_workers_fit_at_the_same_time(machines, workers):
    nodes = nodes_of(*(cores for cores, _ in machines), gpus=[gpus for _, gpus in machines])
    try:
        given = Share.of(nodes, workers)
    except RunError:
        return
    places = 0
    for cores, gpus in machines:
        on_cores = cores * UNITS // round(given.cpus * UNITS)
        places += min(on_cores, gpus * int(1 / given.gpus)) if given.gpus else on_cores
    assert places >= workers == given.places


@pytest.mark.parametrize(
    ("nodes", "demand", "cpus", "gpus", "threads", "places"),
    [
        (nodes_of(16), Demand(cpu=3), 3.0, 0.0, 3, 5),
        (nodes_of(16), Demand(cpu=0.5), 0.5, 0.0, 1, 8),
        (nodes_of(2, 3), Demand(cpu=2), 2.0, 0.0, 2, 2),
        (nodes_of(16, gpus=[1]), Demand(gpu=0.25), 4.0, 0.25, 4, 4),  # four on the GPU, so four cores each
        (nodes_of(16, gpus=[2]), Demand(gpu=0.4), 4.0, 0.4, 4, 4),  # 5 of 0.4 make 2, but one may not lie on both
        (nodes_of(16, gpus=[4]), Demand(gpu=2), 8.0, 2.0, 8, 2),
        (nodes_of(16, gpus=[4]), Demand(gpu=0), 2.0, 0.0, 2, 8),
        (nodes_of(16, 16, gpus=[0, 1]), Demand(cpu=4, gpu=0), 4.0, 0.0, 4, 8),
        (nodes_of(8, gpus=[1]), Demand(cpu=3), 3.0, 0.125, 3, 2),  # the GPU is divided among all eight
    ],
)
def test_what_the_user_asks_for_is_given_to_as_many_as_fit(nodes, demand, cpus, gpus, threads, places):
    expected = Share(cpus=cpus, gpus=gpus, threads=threads, memory=0, places=places)
    assert Share.of(nodes, 8, demand) == expected


def test_memory_limits_how_many_share_the_cores():
    node = {"CPU": 16.0, "memory": 10.0 * GIGABYTE}
    given = Share.of([node], 8, Demand(memory_gb=3))
    assert given == Share(cpus=5.0, gpus=0.0, threads=5, memory=3 * 2**30, places=3)


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        (
            nodes_of(0),
            "A worker needs a CPU on one node .* have: 0 CPU and 0 GPU. Start the nodes again with --num-cpus",
        ),
        (nodes_of(16, 0, gpus=[0, 4]), "needs a CPU and a GPU on one node .* 16 CPU and 0 GPU; 0 CPU and 4 GPU"),
        ([], "nothing, as none is alive"),
    ],
)
def test_nodes_that_can_hold_no_worker_are_named(nodes, message):
    with pytest.raises(RunError, match=message):
        Share.of(nodes, 1)


@pytest.mark.parametrize(
    ("demand", "message"),
    [
        (
            Demand(cpu=5),
            r"^search.resources asks for cpu: 5 on one node of Ray, .* have: 4 CPU and 1 GPU\. Ask for less",
        ),
        (Demand(gpu=2), "asks for gpu: 2 on one node"),
        (Demand(cpu=1, memory_gb=3), "asks for cpu: 1, memory_gb: 3 on one node .* have: 4 CPU and 1 GPU and 2 GB"),
    ],
)
def test_a_demand_that_no_node_can_meet_is_told_with_what_the_nodes_have(demand, message):
    with pytest.raises(RunError, match=message):
        Share.of([{"CPU": 4.0, "GPU": 1.0, "memory": 2.0 * GIGABYTE}], 1, demand)
