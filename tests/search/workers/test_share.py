"""What a worker gets: it fits on nodes as they are, and no core does the work of two while others stand idle."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.errors import RunError
from search.workers.share import UNITS, Share


def nodes_of(*cores, gpus=None):
    return [{"CPU": float(c), "GPU": float(g)} for c, g in zip(cores, gpus or [0] * len(cores), strict=True)]


@pytest.mark.parametrize(
    ("node", "workers", "share"),
    [
        ({"CPU": 2.0}, 2, Share(cpus=1.0, gpus=0.0, threads=1)),
        ({"CPU": 16.0}, 3, Share(cpus=5.0, gpus=0.0, threads=5)),
        ({"CPU": 2.0}, 4, Share(cpus=0.5, gpus=0.0, threads=1)),
        ({"CPU": 16.0, "GPU": 1.0}, 3, Share(cpus=5.0, gpus=0.3333, threads=5)),
        ({"CPU": 16.0, "GPU": 4.0}, 2, Share(cpus=8.0, gpus=1.0, threads=8)),
    ],
)
def test_on_one_machine_the_cores_and_gpus_are_divided(node, workers, share):
    assert Share.of([node], workers) == share


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
    assert Share.of(nodes_of(*cores), workers) == Share(cpus=cpus, gpus=0.0, threads=max(1, int(cpus)))


@pytest.mark.parametrize(
    ("nodes", "workers", "share"),
    [
        (nodes_of(16, 16, gpus=[1, 1]), 2, Share(cpus=16.0, gpus=1.0, threads=16)),
        (nodes_of(16, 16, gpus=[1, 1]), 3, Share(cpus=8.0, gpus=0.5, threads=8)),
        (nodes_of(16, 4, gpus=[1, 1]), 2, Share(cpus=4.0, gpus=1.0, threads=4)),  # a GPU each before more cores
        (nodes_of(64, 8, gpus=[0, 2]), 2, Share(cpus=4.0, gpus=1.0, threads=4)),  # the cores beside the GPUs count
        (nodes_of(16, gpus=[2]), 3, Share(cpus=5.0, gpus=0.5, threads=5)),  # 2/3 fits once on each GPU
        (nodes_of(2, gpus=[4]), 4, Share(cpus=0.5, gpus=1.0, threads=1)),
    ],
)
def test_a_part_of_a_gpu_lies_on_one_gpu_of_a_node_with_cores(nodes, workers, share):
    assert Share.of(nodes, workers) == share


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 3)), min_size=1, max_size=5), st.integers(1, 12))
def test_all_workers_fit_at_the_same_time(machines, workers):
    nodes = nodes_of(*(cores for cores, _ in machines), gpus=[gpus for _, gpus in machines])
    try:
        share = Share.of(nodes, workers)
    except RunError:
        return
    places = 0
    for cores, gpus in machines:
        on_cores = cores * UNITS // round(share.cpus * UNITS)
        places += min(on_cores, gpus * int(1 / share.gpus)) if share.gpus else on_cores
    assert places >= workers


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
