"""Files that are damaged or of another kind, each with what torch.load raises for it."""

import io
import pickle
import struct
import zipfile

import pytest
import torch

from spaces.published.reading import UNREADABLE, read_states
from trainers.checkpoint import CheckpointError, load_training_state

REBUILD = b"ctorch._utils\n_rebuild_tensor_v2\n"
DTYPE = b"cnumpy\ndtype\n"
ENCODE = b"c_codecs\nencode\n"
"""As NumPy's numbers are pickled: their bytes as text in an encoding."""


def saved(state, *, as_zip=True):
    file = io.BytesIO()
    torch.save(state, file, _use_new_zipfile_serialization=as_zip)
    return file.getvalue()


def zipped(entries):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return file.getvalue()


def changed(name, content):
    """A saved state dict with another content of one of the entries in its zip; None leaves the entry out."""
    with zipfile.ZipFile(io.BytesIO(ZIP)) as archive:
        entries = {entry: archive.read(entry) for entry in archive.namelist()} | {f"archive/{name}": content}
    return zipped({entry: content for entry, content in entries.items() if content is not None})


STATE = {"weight": torch.arange(6.0), "bias": torch.ones(2)}
ZIP, LEGACY = saved(STATE), saved(STATE, as_zip=False)

DAMAGED = r"is damaged, or another kind of file\."
OBJECT = "holds more than tensors: it asks for object, and nothing of a file is executed"

FILES = {
    "empty": (b"", EOFError),
    "a text": (b"hello world\n", KeyError),
    "a YAML file": (b"name: x\nsize: 3\n", pickle.UnpicklingError),
    "random bytes": (bytes(range(200, 256)), pickle.UnpicklingError),
    "a zip cut in half": (ZIP[: len(ZIP) // 2], RuntimeError),
    "a zip without its last byte": (ZIP[:-1], RuntimeError),
    "a zip without entries": (zipped({}), pickle.UnpicklingError),
    "a zip of something else": (zipped({"a.txt": b"text"}), RuntimeError),
    "a zip without a tensor": (changed("data/0", None), RuntimeError),
    "a zip with a short tensor": (changed("data/0", b"123"), RuntimeError),
    "a zip with another byte order": (changed("byteorder", b"li)tle"), ValueError),
    "an old file cut in half": (LEGACY[: len(LEGACY) // 2], EOFError),
    "an old file without its last byte": (LEGACY[:-1], RuntimeError),
    "an object that was never made": (changed("data.pkl", b"\x80\x02."), IndexError),
    "a name cut off": (changed("data.pkl", b"\x80\x02X\x05\x00"), struct.error),
    "a name that is no UTF-8": (changed("data.pkl", b"\x80\x02X\x01\x00\x00\x00\xff."), UnicodeDecodeError),
    "an unknown text encoding": (
        changed("data.pkl", b"\x80\x02" + ENCODE + b"(X\x01\0\0\0aX\x06\0\0\0laCin1tR."),
        LookupError,
    ),
    "a number type of no fields": (
        changed("data.pkl", b"\x80\x02" + DTYPE + b"(X\x02\0\0\0f8\x89\x88tRK\x03b."),
        SystemError,
    ),
    "a reference to no tensor": (changed("data.pkl", b"\x80\x02K\x01Q."), AssertionError),
    "a tensor of nothing": (changed("data.pkl", b"\x80\x02" + REBUILD + b"(tR."), TypeError),
    "a tensor without storage": (changed("data.pkl", b"\x80\x02" + REBUILD + b"()K\x00))NNtR."), AttributeError),
    "a pickled object": (saved({"a": object()}), pickle.UnpicklingError, OBJECT),
    "an old pickled object": (saved({"a": object()}, as_zip=False), pickle.UnpicklingError, OBJECT),
    "a plain pickle": (pickle.dumps({"a": 1}, protocol=2), RuntimeError),
}


@pytest.mark.parametrize(("content", "raised", "reason"), [(*one, DAMAGED)[:3] for one in FILES.values()], ids=FILES)
def test_a_damaged_or_foreign_file_is_refused_with_its_name(tmp_path, content, raised, reason):
    path = tmp_path / "weights.pth"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"weights\.pth {reason}.*A file of weights is a state dict") as refusal:
        read_states(path)
    assert isinstance(refusal.value.__cause__, raised)
    with pytest.raises(CheckpointError, match=r"weights\.pth is no training state that can be read\. Delete it"):
        load_training_state(path)


@pytest.mark.parametrize("kind", UNREADABLE)
def test_each_listed_error_is_one_that_torch_raises(kind):
    assert any(issubclass(raised, kind) for _, raised, *_ in FILES.values())


@pytest.mark.parametrize(("name", "reason"), [("folder", "Is a directory"), ("nothing", "No such file")])
def test_a_path_without_a_file_is_refused_with_the_systems_reason(tmp_path, name, reason):
    (tmp_path / "folder").mkdir()
    with pytest.raises(ValueError, match=f"{name} can't be read: {reason}"):
        read_states(tmp_path / name)
