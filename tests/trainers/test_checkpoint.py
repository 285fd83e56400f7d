import errno
import io
import os
import pickle
import random
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from trainers.checkpoint import (
    FORMAT,
    CheckpointError,
    load_training_state,
    load_weights,
    save_training_state,
    save_weights,
)

STATE = {
    "weight": torch.tensor([[0.1, -0.0], [float("inf"), 1e-40]]),
    "count": torch.tensor(7),
    "half": torch.tensor([1.5], dtype=torch.bfloat16),
    "empty": torch.zeros(0, 3),
    "turned": torch.arange(6.0).view(2, 3).t(),
}


def bits(tensor):
    return tensor.dtype, tensor.shape, tensor.contiguous().reshape(-1).view(torch.uint8).tolist()


def test_weights_and_description_come_back_bit_for_bit(tmp_path):
    description = {"kind": "detector", "classes": ["a", "ä"], "width": 0.25}
    path = tmp_path / "made" / "on" / "the" / "way" / "net.safetensors"
    save_weights(path, STATE, description)
    state, read = load_weights(path)
    assert read == description
    assert {name: bits(tensor) for name, tensor in state.items()} == {name: bits(STATE[name]) for name in STATE}


def test_parameters_are_saved_without_their_graph(tmp_path):
    weight = torch.nn.Parameter(torch.ones(2))
    save_weights(tmp_path / "a.safetensors", {"weight": weight}, {})
    state, _ = load_weights(tmp_path / "a.safetensors")
    assert not state["weight"].requires_grad


def test_saving_again_replaces_the_file_and_leaves_nothing_beside_it(tmp_path):
    path = tmp_path / "net.safetensors"
    for value in (1.0, 2.0):
        save_weights(path, {"w": torch.tensor([value])}, {"value": value})
    assert load_weights(path)[1] == {"value": 2.0}
    assert list(tmp_path.iterdir()) == [path]


def text(path):
    path.write_text("weights, honestly\n")


def nothing(path):
    path.touch()


def torch_pickle(path):
    torch.save({"w": torch.ones(2)}, path)


def foreign(path):
    save_file({"w": torch.ones(2)}, path)


def foreign_with_metadata(path):
    save_file({"w": torch.ones(2)}, path, metadata={"format": "pt"})


def truncated(path):
    save_weights(path, {"w": torch.ones(100)}, {})
    path.write_bytes(path.read_bytes()[:-7])


def cut_in_the_header(path):
    save_weights(path, {"w": torch.ones(100)}, {})
    path.write_bytes(path.read_bytes()[:30])


def bad_description(path):
    save_file({"w": torch.ones(2)}, path, metadata={"format": FORMAT, "description": "{"})


def description_of_another_kind(path):
    save_file({"w": torch.ones(2)}, path, metadata={"format": FORMAT, "description": "[1]"})


@pytest.mark.parametrize(
    "write",
    [
        text,
        nothing,
        torch_pickle,
        foreign,
        foreign_with_metadata,
        truncated,
        cut_in_the_header,
        bad_description,
        description_of_another_kind,
    ],
)
def test_a_file_that_is_not_ours_is_named_with_the_way_out(tmp_path, write):
    path = tmp_path / "other.safetensors"
    write(path)
    with pytest.raises(CheckpointError) as caught:
        load_weights(path)
    message = str(caught.value)
    assert message.startswith(f"{path} is no Bitfront checkpoint: ")
    assert message.endswith("Give a .safetensors file that a run of Bitfront wrote.")


@pytest.mark.parametrize(
    ("make", "hint"),
    [(lambda path: None, ""), (lambda path: path.mkdir(), r" That is a folder: name a \.safetensors file in it\.")],
)
def test_a_missing_file_and_a_folder_are_named(tmp_path, make, hint):
    path = tmp_path / "net.safetensors"
    make(path)
    with pytest.raises(CheckpointError, match=rf"^There is no checkpoint {path}\.{hint}$"):
        load_weights(path)


def test_a_checkpoint_error_is_a_value_error():
    assert issubclass(CheckpointError, ValueError)


class Exploding:
    def __reduce__(self):
        return os.mkdir, ("exploded",)


def test_nothing_in_a_file_is_ever_executed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("bad.safetensors").write_bytes(pickle.dumps(Exploding()))
    torch.save({"x": Exploding()}, "bad.pt")
    with pytest.raises(CheckpointError):
        load_weights(Path("bad.safetensors"))
    with pytest.raises(CheckpointError, match=r"bad\.pt is no training state"):
        load_training_state(Path("bad.pt"))
    assert not Path("exploded").exists()


WRITERS = {
    "weights": (
        lambda path, v: save_weights(path, {"w": torch.tensor([v])}, {}),
        lambda path: load_weights(path)[0]["w"].item(),
    ),
    "training state": (
        lambda path, v: save_training_state(path, {"v": v}),
        lambda path: load_training_state(path)["v"],
    ),
}


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize("point", ["write", "fsync", "replace"])
def test_a_crash_at_any_point_leaves_the_old_file(tmp_path, monkeypatch, kind, point):
    save, load = WRITERS[kind]
    path = tmp_path / "state"
    save(path, 1.0)

    def crash(*_arguments, **_options):
        raise OSError("the disk is full")

    with monkeypatch.context() as patch:
        if point == "fsync":
            patch.setattr(os, "fsync", crash)
        elif point == "replace":
            patch.setattr(os, "replace", crash)
            patch.setattr(Path, "replace", crash)
        else:
            patch.setattr(torch, "save", crash)
            patch.setattr("trainers.whole_files.os.fsync", crash)
        with pytest.raises(OSError, match="the disk is full"):
            save(path, 2.0)
    assert load(path) == 1.0
    assert list(tmp_path.iterdir()) == [path]  # what was half written is cleared away
    save(path, 3.0)
    assert load(path) == 3.0


def test_the_content_is_on_the_disk_before_it_gets_its_name(tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(os, "fsync", lambda _: calls.append("fsync"))
    replace = Path.replace
    monkeypatch.setattr(Path, "replace", lambda self, target: calls.append("replace") or replace(self, target))
    for save, _ in WRITERS.values():
        save(tmp_path / "state", 1.0)
    assert calls == ["fsync", "replace", "fsync"] * 2  # the file, its name, the folder


def test_a_training_state_comes_back_bit_for_bit(tmp_path):
    state = {
        "epoch": 3,
        "modules": dict(STATE),
        "optimizer": {"state": {0: {"step": torch.tensor(4.0)}}, "groups": [1e-3]},
    }
    save_training_state(tmp_path / "a" / "state", state)
    back = load_training_state(tmp_path / "a" / "state")
    assert (back["epoch"], back["optimizer"]["groups"]) == (3, [1e-3])
    assert {name: bits(tensor) for name, tensor in back["modules"].items()} == {
        name: bits(STATE[name]) for name in STATE
    }
    assert back["optimizer"]["state"][0]["step"].item() == 4


@pytest.mark.parametrize("value", [[1], "text", torch.ones(2)])
def test_a_saved_value_of_another_kind_is_no_training_state(tmp_path, value):
    torch.save(value, tmp_path / "state")
    with pytest.raises(CheckpointError, match="state is no training state that can be read"):
        load_training_state(tmp_path / "state")


def test_a_damaged_training_state_is_never_anything_but_a_checkpoint_error(tmp_path):
    path = tmp_path / "state"
    save_training_state(path, {"epoch": 3, "modules": dict(STATE)})
    whole, rng = path.read_bytes(), random.Random(0)
    for _ in range(200):
        damaged = bytearray(whole)
        for _ in range(rng.randint(1, 20)):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        path.write_bytes(bytes(damaged))
        with suppress(CheckpointError):
            load_training_state(path)


def test_without_a_training_state_there_is_nothing_to_go_on_from(tmp_path):
    assert load_training_state(tmp_path / "none") is None


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 half an archive"])
def test_a_training_state_that_can_not_be_read_is_named_with_the_way_out(tmp_path, content):
    path = tmp_path / "teacher.state"
    path.write_bytes(content)
    with pytest.raises(
        CheckpointError, match=r"teacher\.state is no training state that can be read\. Delete it to start"
    ):
        load_training_state(path)


@pytest.mark.parametrize("sizes", [{"large": 100_000}, {str(n): 10 for n in range(1000)}], ids=["large", "many"])
def test_a_state_that_does_not_fit_on_the_disk_is_an_error_of_the_disk(tmp_path, monkeypatch, sizes):
    """torch closes its archive after the disk's error, and reports that this fails: 'unexpected pos 704 vs 598'."""

    class Full(io.FileIO):
        def write(self, content):
            if self.tell() + len(content) > 65536:
                raise OSError(errno.ENOSPC, "No space left on device")
            return super().write(content)

    state = tmp_path / "state.pt"
    save_training_state(state, {"old": 1})
    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", lambda self, mode: io.BufferedWriter(Full(self, mode)))
        with pytest.raises(OSError, match="No space left") as full:
            save_training_state(state, {name: torch.zeros(size) for name, size in sizes.items()})
    assert full.value.filename == str(state)
    assert load_training_state(state) == {"old": 1}
    assert list(tmp_path.iterdir()) == [state]
