"""Detection on the images of a set in several processes, as tasks of Ray: each takes its part of the batches."""

from collections.abc import Callable, Mapping
from itertools import chain
from typing import Any

import ray
import torch
from ray.exceptions import RayError
from torch import nn

from search.errors import RunError
from search.workers.installation import package_folders
from search.workers.nodes import living_nodes
from search.workers.reasons import cause_of_death
from search.workers.runner import full_disk, most_threads
from search.workers.session import ray_session
from search.workers.share import Demand, Share
from search.workers.training_process import portable
from search.workers.worker import limit_threads
from trainers.data.batches import Part
from trainers.data.decoded import Decoded
from trainers.data.sample import Target
from trainers.devices import device_text
from trainers.inference import BATCH, batches_of, timed_detect

STARTS = 3
"""How often a part is begun whose process is lost."""
LESS_MEMORY = "ask for fewer processes"

Found = tuple[list[Target], float, str]
"""What `timed_detect` gives of a part, and on what it ran."""


def detect_in_processes(network: nn.Module, data: Decoded, *, workers: int, address: str | None = None) -> Found:
    """As `timed_detect`, in as many of `workers` processes at once as there are places and batches.

    Batches are those of one process, and so are detections, to the bit where each process has as many threads. Network
    and images are sent once, through the object store. The pace is that of all processes together. A process that is
    lost is replaced. Raises what the detection raises, and RunError where processes are lost again and again. Nothing
    runs any longer when this returns.
    """
    device = next(network.parameters()).device
    network.to("cpu")
    try:
        with ray_session(address, workers) as folder, full_disk(folder):
            wanted = Demand(gpu=1.0) if device.type == "cuda" else Demand(gpu=0.0)
            share = Share.of(living_nodes(), workers, wanted)
            count = min(workers, share.places, max(1, batches_of(len(data), BATCH)))
            given = ray.put(network), ray.put(data)
            threads = min(share.threads, most_threads())
            task = ray.remote(_detect).options(num_cpus=share.cpus, num_gpus=share.gpus, max_retries=0)
            parts = _all_of(count, lambda part: task.remote(*given, part, threads, device.type))
    finally:
        network.to(device)
    found = list(chain.from_iterable(one for one, _, _ in parts))
    each = parts[0][2]
    return found, sum(pace for _, pace, _ in parts), f"{count} processes, each on {each}" if count > 1 else each


def _all_of(count: int, start: Callable[[Part], Any]) -> list[Found]:
    """What the tasks of all parts find, in their order; those that are lost are started again."""
    parts, found, lost = [(rank, count) for rank in range(count)], dict[Part, Found](), None
    for _ in range(STARTS):
        running = {part: start(part) for part in parts if part not in found}
        try:
            lost = _collect(running, found)
        finally:
            for task in running.values():
                ray.cancel(task, force=True)
        if lost is None:
            return [found[part] for part in parts]
    raise RunError(
        f"A process that looks for objects was lost {STARTS} times: {cause_of_death(str(lost), LESS_MEMORY)}. "
        "Start the same command again."
    ) from lost


def _collect(running: Mapping[Part, Any], found: dict[Part, Found]) -> RayError | None:
    """Wait for the tasks, and add what they find; the last error by which one was lost. Raises what a task met."""
    lost = None
    for part, task in running.items():
        try:
            answer = ray.get(task)
        except RayError as error:
            lost = error
        else:
            if isinstance(answer, Exception):
                raise answer
            found[part] = answer
    return lost


def _detect(network: nn.Module, data: Decoded, part: Part, threads: int, device: str) -> Found | Exception:
    """A process's part. An error is given back, because Ray would wrap it."""
    try:
        package_folders()
        limit_threads(threads)
        on = torch.device("cuda", torch.cuda.current_device()) if device == "cuda" else torch.device("cpu")
        found, pace = timed_detect(network.to(on), data, BATCH, part)
        return found, pace, device_text(on)
    except Exception as error:  # noqa: BLE001 - raised by the driver
        return portable(error)
