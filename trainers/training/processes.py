"""A training that several processes share, as torch.distributed has them: gloo on CPUs, nccl on GPUs.

Every process takes its part of each batch, in the order of one process, and computes losses and gradients on it; then
losses and gradients are averaged, so that all make the same update, up to rounding that of one process with the whole
batch. Why no DistributedDataParallel: it reduces gradients while a backward pass runs, and must know which parameters
get any. Here a step may have several passes (rules of supernets), most parameters of a supernet have no gradient in a
step, and discriminators get theirs from a loss of their own. One reduction of all gradients in front of their clipping
is right for all of these.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Literal, get_args

import torch
import torch.distributed as dist
from torch import Tensor, nn

from spaces.layers.synchronised import synchronised_norms
from spaces.whole_batch import sharing_batch
from trainers.data.batches import Part
from trainers.seeding import seeded
from trainers.training.module_figures import Figure

BatchNorm = Literal["synchronised", "per_process"]
"""Whether a BatchNorm's mean and variance are those of the whole batch, or of a process's part of it."""
BATCH_NORMS: tuple[BatchNorm, ...] = get_args(BatchNorm)

BUCKET = 8 * 2**20
"""Values that are reduced together: 32 MB."""


@dataclass(frozen=True)
class Processes:
    """This process among those of a training. With one, every method does nothing."""

    rank: int = 0
    count: int = 1

    @classmethod
    def of_this_training(cls) -> "Processes":
        """Those of torch.distributed's default group; one process where none was set up."""
        if not (dist.is_available() and dist.is_initialized()):
            return cls()
        return cls(dist.get_rank(), dist.get_world_size())

    @property
    def several(self) -> bool:
        return self.count > 1

    @property
    def part(self) -> Part:
        """Its part of each batch."""
        return self.rank, self.count

    @property
    def first(self) -> bool:
        """Whether this is the process that reports and saves."""
        return self.rank == 0

    def check_batch(self, size: int, accumulate: int = 1) -> None:
        """Raise ValueError for a batch that can't be split into equal parts."""
        if size % (self.count * accumulate):
            raise ValueError(
                f"batch_size is {size}, must be a multiple of {self.count * accumulate}: {self.count} processes, and "
                f"accumulate is {accumulate}."
            )

    def own_seed(self, seed: int) -> int:
        """A seed for draws that concern this process's images alone, such as samples of their anchors."""
        return seed if self.first else seeded(seed, "process", self.rank)

    @contextmanager
    def training(self, modules: nn.Module, batch_norm: BatchNorm) -> Iterator[None]:
        """Within it the BatchNorms compute as asked for."""
        with ExitStack() as stack:
            if self.several and batch_norm == "synchronised":
                stack.enter_context(synchronised_norms(modules))
            yield

    @contextmanager
    def step(self) -> Iterator[None]:
        """Within it losses are divided by counts over the whole batch."""
        with sharing_batch(self.count):
            yield

    def average_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replace the gradients by their means over all processes; one that a process lacks counts as 0 there."""
        if not self.several:
            return
        trained = [parameter for parameter in parameters if parameter.requires_grad]
        if not trained:
            return
        present = torch.tensor([one.grad is not None for one in trained], device=trained[0].device, dtype=torch.uint8)
        dist.all_reduce(present, dist.ReduceOp.MAX)
        used = [one for one, is_there in zip(trained, present.tolist(), strict=True) if is_there]
        for one in used:
            if one.grad is None:
                one.grad = torch.zeros_like(one)
        for bucket in _buckets([one.grad for one in used if one.grad is not None]):
            self._average(bucket)

    def average_values(self, values: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The mean of each scalar over the processes, which must have the same names."""
        if not self.several or not values:
            return dict(values)
        means = torch.stack([value.detach() for value in values.values()])
        dist.all_reduce(means)
        return dict(zip(values, means / self.count, strict=True))

    def average_figures(self, figures: Mapping[str, Figure], device: torch.device) -> dict[str, Figure]:
        """The mean of each figure over the processes, which must have the same names."""
        if not self.several or not figures:
            return dict(figures)
        means = self.average_values({name: torch.as_tensor(one, device=device) for name, one in figures.items()})
        return {name: float(value) if value.is_cpu else value for name, value in means.items()}

    def from_first(self, state: dict[str, Any] | None, device: torch.device) -> dict[str, Any] | None:
        """The first process's nested dicts and lists of tensors and plain values, in every process."""
        if not self.several:
            return state
        sent = _packed(state) if self.first else None
        size = torch.tensor(0 if sent is None else len(sent), device=device)
        dist.broadcast(size, src=0)
        content = torch.empty(int(size), dtype=torch.uint8) if sent is None else sent
        content = content.to(device)
        dist.broadcast(content, src=0)
        return state if self.first else _unpacked(content)

    def take_over(self, network: nn.Module, device: torch.device) -> None:
        """Give every process the tensors of the first one's network."""
        state = self.from_first(network.state_dict() if self.first else None, device)
        if state is not None and not self.first:
            network.load_state_dict(state)

    def to_first(self, state: dict[str, Any], device: torch.device) -> list[dict[str, Any]] | None:
        """Each process's nested dicts and lists of tensors and plain values, in the first one; None in the others."""
        if not self.several:
            return [state]
        content = _packed(state).to(device)
        sizes = [torch.zeros(1, dtype=torch.int64, device=device) for _ in range(self.count)]
        dist.all_gather(sizes, torch.tensor([len(content)], device=device))
        padded = content.new_zeros(max(map(int, sizes)))  # all must send equally much
        padded[: len(content)] = content
        received = [torch.empty_like(padded) for _ in range(self.count)] if self.first else None
        dist.gather(padded, received, dst=0)
        if received is None:
            return None
        return [_unpacked(one[: int(size)]) for one, size in zip(received, sizes, strict=True)]

    def _average(self, bucket: Sequence[Tensor]) -> None:
        flat = torch.cat([one.reshape(-1) for one in bucket])
        dist.all_reduce(flat)
        flat /= self.count
        for one, mean in zip(bucket, flat.split([one.numel() for one in bucket]), strict=True):
            one.copy_(mean.view(one.shape))


ONE_PROCESS = Processes()


def _packed(state: dict[str, Any] | None) -> Tensor:
    """The state as bytes."""
    content = BytesIO()
    torch.save(state, content)
    return torch.frombuffer(content.getbuffer(), dtype=torch.uint8)


def _unpacked(content: Tensor) -> Any:
    return torch.load(BytesIO(content.cpu().numpy().tobytes()), map_location="cpu", weights_only=True)


def _buckets(tensors: Iterable[Tensor]) -> Iterator[list[Tensor]]:
    """The tensors in their order, in groups of up to `BUCKET` values and of one type."""
    bucket: list[Tensor] = []
    for tensor in tensors:
        full = bucket and sum(one.numel() for one in bucket) + tensor.numel() > BUCKET
        if full or (bucket and bucket[0].dtype != tensor.dtype):
            yield bucket
            bucket = []
        bucket.append(tensor)
    if bucket:
        yield bucket
