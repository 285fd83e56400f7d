"""Teachers' outputs on images without augmentation: computed once, stored in half precision, read as needed.

A teacher is frozen and treats each image separately, so its output on an image without augmentation never changes. The
files are mapped into memory. Their folder's name is a digest of everything that they depend on: teacher, images, torch
and `VERSION`. Raise the version whenever detectors compute something else. The folder also holds the sha256 of each
file, which is compared before reading.
"""

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from spaces.detectors import DetectorOutput, Responses
from trainers.data.decoded import Decoded
from trainers.devices import to_device
from trainers.whole_files import digest_of, naming_errors, write_whole

VERSION = "teacher-outputs-3"
PARTS = frozenset({"features", "responses"})
SUMS = "sha256sums"
Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class KnownOutputs:
    """One teacher's outputs on n images.

    arrays: maps (n, C, H, W) in half precision by name. anchors: (M, 4). form: how to read them.
    """

    arrays: Mapping[str, Array]
    anchors: Array
    form: Mapping[str, Any]

    def output(self, start: int, stop: int, device: torch.device) -> DetectorOutput:
        """The output on the images from `start` to `stop`, without detections and second stages, which aren't stored.

        A part that wasn't stored has no levels.
        """
        read = {name: _tensor(array[start:stop], device) for name, array in self.arrays.items()}
        form = self.form
        quality = [read[f"quality/{level}"] for level in range(form["levels"])] if form["quality"] else None
        responses = Responses(
            [read[f"cls/{level}"] for level in range(form["levels"])],
            [read[f"box/{level}"] for level in range(form["levels"])],
            _tensor(self.anchors, device),
            form["activation"],
            form["background"],
            form["bins"],
            quality,
            tuple(form["box_scales"]),
        )
        return DetectorOutput({level: read[f"features/{level}"] for level in form["features"]}, responses, _no_decoding)


def kept_outputs(
    folder: Path,
    network: nn.Module,
    described_as: Mapping[str, Any],
    images: Decoded,
    batch_size: int,
    parts: frozenset[str] = PARTS,
) -> KnownOutputs | None:
    """The teacher's outputs on `images`: read from `folder` if stored there, else computed and stored.

    `parts` may hold `features`, the pyramid's maps, and `responses`, the heads'. Returns None if a value is too large
    for half precision. The images must have one shape. `described_as` is everything beside its weights that decides its
    outputs: how it is built, and for which image size. Damaged files are computed again.
    """
    place = folder / _key(network, described_as, images, parts)
    if _is_whole(place):
        return _read(place)
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    try:
        if not _compute(place, network, images, batch_size, parts):
            shutil.rmtree(place)
            return None
        write_whole(place / SUMS, _sums(place))
    except OSError:
        shutil.rmtree(place, ignore_errors=True)  # on a full disk they would be in the way
        raise
    return _read(place)


def _is_whole(place: Path) -> bool:
    """Whether all files are unchanged since they were stored. The sums are written last: without them the folder is
    incomplete."""
    try:
        return (place / SUMS).read_bytes() == _sums(place)
    except OSError:
        return False


def _sums(place: Path) -> bytes:
    """The digests of all other files in the folder, as the command sha256sum writes them."""
    files = sorted(file for file in place.iterdir() if file.name != SUMS)
    return "".join(f"{digest_of(file)}  {file.name}\n" for file in files).encode()


def _read(place: Path) -> KnownOutputs:
    form = json.loads((place / "form.json").read_text())
    arrays = {name: np.load(place / file, mmap_mode="r") for name, file in form["files"].items()}
    return KnownOutputs(arrays, np.load(place / "anchors.npy"), form)


def bytes_of(network: nn.Module, images: Decoded, parts: frozenset[str] = PARTS) -> int:
    """The size on disk of these parts of the outputs on these images, in bytes."""
    with torch.no_grad():
        (image,) = next(iter(images.batches(1, seed=0, epoch=0, augment=False)))[0]
        output = network([image.to(next(network.parameters()).device)])
    return 2 * len(images) * sum(x[0].numel() for x in _maps(output, parts).values())


def _compute(place: Path, network: nn.Module, images: Decoded, batch_size: int, parts: frozenset[str]) -> bool:
    """Compute and write all files. Returns whether half precision can hold all values."""
    device = next(network.parameters()).device
    files: dict[str, Path] = {}
    for batch in images.batches(batch_size, seed=0, epoch=0, augment=False):
        with torch.no_grad():
            output: DetectorOutput = network(to_device(batch, device)[0])
        batch_maps = _maps(output, parts)
        if not files:
            files = {name: place / f"{number}.npy" for number, name in enumerate(batch_maps)}
            for name, x in batch_maps.items():
                _append(files[name], _header((len(images), *x.shape[1:])))
            anchors = BytesIO()
            np.save(anchors, output.responses.anchors.cpu().numpy())
            write_whole(place / "anchors.npy", anchors.getvalue())
            form = {"files": {name: file.name for name, file in files.items()}, **_form(output, parts)}
            write_whole(place / "form.json", json.dumps(form).encode())
        for name, x in batch_maps.items():
            half = x.cpu().to(torch.float16)
            if not bool(half.isfinite().all()):
                return False
            _append(files[name], half.contiguous().numpy().tobytes())
    return True


def _header(shape: tuple[int, ...]) -> bytes:
    """How a .npy file of this shape begins."""
    header = BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f2", "fortran_order": False, "shape": shape})
    return header.getvalue()


def _append(file: Path, content: bytes) -> None:
    """Add to a file by writing, not by a map of it: a write to a map kills the process where the disk is full."""
    with naming_errors(file), file.open("ab") as opened:
        opened.write(content)


def _maps(output: DetectorOutput, parts: frozenset[str]) -> dict[str, Tensor]:
    """All maps (N, C, H, W) of these parts by name."""
    maps = {f"features/{level}": x for level, x in output.features.items()} if "features" in parts else {}
    if "responses" in parts:
        responses = output.responses
        for name, levels in (("cls", responses.cls), ("box", responses.box), ("quality", responses.quality or [])):
            maps |= {f"{name}/{level}": x for level, x in enumerate(levels)}
    return maps


def _form(output: DetectorOutput, parts: frozenset[str]) -> dict[str, Any]:
    responses, stored = output.responses, "responses" in parts
    return {
        "features": list(output.features) if "features" in parts else [],
        "levels": len(responses.cls) if stored else 0,
        "activation": responses.activation,
        "background": responses.background,
        "bins": responses.bins,
        "box_scales": responses.box_scales,
        "quality": stored and responses.quality is not None,
    }


def _key(network: nn.Module, described_as: Mapping[str, Any], images: Decoded, parts: frozenset[str]) -> str:
    digest = hashlib.sha256(
        json.dumps(
            [VERSION, torch.__version__, dict(described_as), images.resized.key, sorted(parts)], sort_keys=True
        ).encode()
    )
    digest.update(np.ascontiguousarray(images.in_memory()).data)
    for name, tensor in network.state_dict().items():
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:24]


def _tensor(array: Array, device: torch.device) -> Tensor:
    return torch.from_numpy(np.array(array, dtype=np.float32)).to(device)


def _no_decoding() -> list[dict[str, Tensor]]:
    raise ValueError("Detections aren't kept with a teacher's outputs.")
