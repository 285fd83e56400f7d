"""What mixed precision asks of the device; see `spaces.precision` for what it does."""

import torch

from spaces.precision import Precision

NEEDS_GPU = "needs a GPU: give bf16, which has float32's range, or float32"


def check_precision(precision: Precision, device: torch.device) -> None:
    """Raise ValueError for fp16 on a CPU, which has no fast products of it."""
    if precision == "fp16" and device.type != "cuda":
        raise ValueError(f"precision is fp16, which {NEEDS_GPU}.")


def is_slow(precision: Precision, device: torch.device) -> bool:
    """Whether this is bf16 on a CPU without instructions for it: the results are right, and come later.

    The processor is asked, not the libraries, which `ONEDNN_MAX_CPU_ISA` may keep from its instructions.
    """
    if precision != "bf16" or device.type != "cpu":
        return False
    able = torch.cpu.get_capabilities()
    return not any(able.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16"))
