"""Where Ray writes on this machine: a temporary folder, shared memory, the home folder. What fails is found early."""

import errno
import os
import secrets
import shutil
import socket
import tempfile
from contextlib import closing
from pathlib import Path

import torch

from search.errors import RunError
from search.workers.share import ANY, GIGABYTE, Demand

FOLDER_PREFIX = "bitfront-ray-"
LONGEST_ROOT = 16
"""A socket's path has at most 107 characters, 103 on a Mac, and Ray adds 86 to the path of this folder."""
OTHER_ROOTS = ("/tmp", "/var/tmp", "/dev/shm")  # noqa: S108 - mkdtemp makes a folder of our own in it
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - only its room is looked at
BESIDE_PARTS = 64 * 2**20
"""Bytes of room that Ray needs beside what is scored with: its logs, and results on their way."""
LEAST_STORE = 128 * 2**20
"""Bytes of shared memory below which Ray's object store goes to the temporary folder; Ray wants 75 MiB at least."""
TOKEN_SETTINGS = ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH")
_TOKEN = secrets.token_hex(32)
"""One for all sessions of this process, because Ray remembers the first."""


def check_places(address: str | None, parts: int) -> None:
    """Raise RunError where Ray couldn't work on this machine, long before it is started.

    address: the cluster's, whose nodes are its own business. parts: the bytes that each candidate is scored with.
    """
    if address is not None:
        return
    root, needed = temporary_root(), parts + BESIDE_PARTS
    room, shared = _room(root), _room(SHARED_MEMORY)
    if max(room, shared if shared >= LEAST_STORE else 0) < needed:
        raise RunError(
            f"Ray needs {needed / 2**20:.0f} MB for the images that candidates are scored on, and there are only "
            f"{room / 2**20:.0f} MB in {root} and {shared / 2**20:.0f} MB in {SHARED_MEMORY}. Make room in {root}, set "
            f"TMPDIR to another folder (whose path has {LONGEST_ROOT} characters at most), or lower data.val_images."
        )


def check_demand(address: str | None, demand: Demand = ANY) -> None:
    """Raise RunError where each worker shall have more than this machine has, long before Ray would say so.

    The limits are those of the whole machine: Ray may find less, and then refuses when it starts the workers.
    """
    if address is not None:
        return
    cores, memory = os.cpu_count() or 1, os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIGABYTE
    gpus = torch.cuda.device_count() if demand.gpu else 0
    asked = {"cpu": demand.cpu, "gpu": demand.gpu, "memory_gb": demand.memory_gb}
    there = {"cpu": cores, "gpu": gpus, "memory_gb": memory}
    for name, amount in asked.items():
        if (amount or 0) > there[name]:
            raise RunError(
                f"search.resources.{name} is {amount:g} for each worker, and this machine has {there[name]:.3g}. Ask "
                "for less, or name the head of a cluster by --address."
            )


def store_bytes() -> int | None:
    """The size of Ray's object store where there is little shared memory; None is Ray's own choice.

    Ray would take three tenths of the machine's memory, and the temporary folder's disk if that doesn't fit.
    """
    shared = _room(SHARED_MEMORY)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return shared * 9 // 10 if LEAST_STORE <= shared < memory * 4 // 10 else None


def candidate_roots() -> list[Path]:
    """The folders that may hold Ray's, the usual temporary folder first."""
    usual = os.environ.get("TMPDIR") or OTHER_ROOTS[0]
    return list(dict.fromkeys(Path(os.path.realpath(root)) for root in (usual, *OTHER_ROOTS)))


def temporary_root() -> Path:
    """The first of these folders in which a folder, a file and a socket can be made. Raises RunError for none."""
    faults = []
    for root in candidate_roots():
        try:
            if len(str(root)) > LONGEST_ROOT:
                raise OSError(errno.ENAMETOOLONG, f"its path has more than {LONGEST_ROOT} characters")
            _try(root)
        except OSError as error:
            faults.append(f"{root} ({error.strerror})")
        else:
            return root
    raise RunError(
        f"Ray needs a folder for its files and sockets, and none can be used: {', '.join(faults)}. Set TMPDIR to a "
        f"folder that can be written to and whose path has {LONGEST_ROOT} characters at most."
    )


def token_settings() -> dict[str, str]:
    """A token for Ray's processes to know each other by, where Ray's usual place for it, the home folder, is of no use.

    Ray takes it from the environment; a user's own settings stay.
    """
    if any(name in os.environ for name in TOKEN_SETTINGS) or _home_holds_a_token():
        return {}
    return {"RAY_AUTH_TOKEN": _TOKEN}


def _try(root: Path) -> None:
    """Raise OSError where a folder, a file with content or a socket can't be made."""
    folder = Path(tempfile.mkdtemp(prefix="bitfront-try-", dir=root))
    try:
        (folder / "file").write_bytes(bytes(4096))
        with closing(socket.socket(socket.AF_UNIX)) as made:
            made.bind(str(folder / "socket"))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _home_holds_a_token() -> bool:
    """Whether Ray's file in the home folder is there, or can be made."""
    folder = Path(os.path.expanduser("~/.ray"))  # noqa: PTH111 - Path.expanduser raises where there is no home
    try:
        if (folder / "auth_token").is_file():
            return bool((folder / "auth_token").read_bytes())  # empty where the disk was full
        folder.mkdir(exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder) as file:
            file.write(bytes(64))
            file.flush()
    except OSError:
        return False
    return folder.is_absolute()


def _room(folder: Path) -> int:
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return 0
