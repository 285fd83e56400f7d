"""Files of weights in every form that people save, and those that are refused."""

import argparse
import fractions
import io
import os
import pickle
import zipfile

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from spaces.published.reading import read_states

STATE = {"conv1.weight": torch.tensor([0.5, -2.0]), "bn1.num_batches_tracked": torch.tensor(7)}


@pytest.mark.parametrize("metadata", [None, {"format": "pt"}])
@pytest.mark.parametrize("name", ["model.safetensors", "model.bin"])
def test_safetensors_of_others_are_read_whatever_they_are_called(tmp_path, name, metadata):
    save_file(STATE, tmp_path / name, metadata)
    (state,) = read_states(tmp_path / name)
    assert {key: tensor.tolist() for key, tensor in state.tensors.items()} == {
        "conv1.weight": [0.5, -2.0],
        "bn1.num_batches_tracked": 7,
    }


@pytest.mark.parametrize("as_zip", [True, False])
@pytest.mark.parametrize("name", ["model.pth", "model.pt", "model.safetensors", "model"])
def test_so_is_what_torch_saves_in_its_new_and_its_old_form(tmp_path, name, as_zip):
    torch.save({"state_dict": STATE, "epoch": 3}, tmp_path / name, _use_new_zipfile_serialization=as_zip)
    (state,) = read_states(tmp_path / name)
    assert state.keys == ("state_dict",)
    assert state.tensors["conv1.weight"].tolist() == [0.5, -2.0]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64, torch.float8_e4m3fn])
def test_other_precisions_become_float32(tmp_path, dtype):
    torch.save({"a": torch.tensor([0.5, -2.0], dtype=dtype)}, tmp_path / "half.pth")
    save_file({"a": torch.tensor([0.5, -2.0], dtype=dtype)}, tmp_path / "half.safetensors")
    for name in ("half.pth", "half.safetensors"):
        tensor = read_states(tmp_path / name)[0].tensors["a"]
        assert tensor.dtype is torch.float32
        assert tensor.tolist() == [0.5, -2.0]


def test_parameters_and_tied_tensors_are_tensors_of_their_own(tmp_path):
    tied = nn.Parameter(torch.ones(2))
    torch.save({"a": tied, "b": tied}, tmp_path / "tied.pth")
    tensors = read_states(tmp_path / "tied.pth")[0].tensors
    assert tensors["a"] is not tensors["b"]
    assert not tensors["a"].requires_grad


def test_a_tensor_of_a_device_that_is_not_here_is_read(tmp_path):
    written = io.BytesIO()
    torch.save({"a": torch.tensor([1.0, 2.0])}, written)
    with zipfile.ZipFile(written) as archive, zipfile.ZipFile(tmp_path / "gpu.pth", "w") as changed:
        for entry in archive.namelist():
            content = archive.read(entry)
            if entry.endswith("data.pkl"):
                assert content.count(b"X\x03\x00\x00\x00cpu") == 1
                content = content.replace(b"X\x03\x00\x00\x00cpu", b"X\x06\x00\x00\x00cuda:5")
            changed.writestr(entry, content)
    tensor = read_states(tmp_path / "gpu.pth")[0].tensors["a"]
    assert (tensor.device.type, tensor.tolist()) == ("cpu", [1.0, 2.0])


@pytest.mark.parametrize(
    ("tensor", "kind"),
    [
        (torch.zeros(1).to_sparse(), "sparse"),
        (torch.zeros(1, dtype=torch.complex64), "complex"),
        (torch.quantize_per_tensor(torch.zeros(1), 0.1, 0, torch.quint8), "quantized"),
        (torch.zeros(1, device="meta"), "without values"),
    ],
)
def test_tensors_that_no_network_can_take_are_defects(tmp_path, tensor, kind):
    torch.save({"b": torch.ones(1), "a": tensor}, tmp_path / "weights.pth")
    (state,) = read_states(tmp_path / "weights.pth")
    assert state.tensors.keys() == {"b"}
    assert state.defects == {"a": f"The tensor a is {kind}: dense tensors of numbers are needed"}
    torch.save({"ema": {"module": {"a": tensor}}, "model": STATE}, tmp_path / "weights.pth")
    average, weights = read_states(tmp_path / "weights.pth")
    assert (average.keys, average.tensors, average.defects) == (("ema", "module"), {}, state.defects)
    assert (weights.tensors.keys(), weights.defects) == (STATE.keys(), {})


@pytest.mark.parametrize(
    ("value", "dtype"),
    [(float("nan"), torch.float32), (float("inf"), torch.float16), (float("nan"), torch.float8_e4m3fn)],
)
def test_so_are_values_that_are_no_numbers(tmp_path, value, dtype):
    torch.save({"a": torch.tensor([1.0, value], dtype=dtype)}, tmp_path / "weights.pth")
    save_file({"a": torch.tensor([1.0, value], dtype=dtype)}, tmp_path / "weights.safetensors")
    reason = "has values that are no finite numbers: the file is damaged, or its training has diverged"
    for name in ("weights.pth", "weights.safetensors"):
        (state,) = read_states(tmp_path / name)
        assert (state.tensors, state.defects) == ({}, {"a": f"The tensor a {reason}"})


def test_neither_numbers_nor_optimizers_beside_the_weights_are_looked_at(tmp_path):
    broken = torch.tensor(float("nan"))
    beside = {"loss": broken, "optimizer": {"state": {0: {"exp_avg": broken.to_sparse()}}}}
    torch.save({"model": STATE, **beside}, tmp_path / "last.pth")
    assert read_states(tmp_path / "last.pth")[0].tensors.keys() == STATE.keys()


def test_the_arguments_of_a_training_script_beside_the_weights_are_read_over(tmp_path):
    """As torchvision's own training script saves them."""
    arguments = argparse.Namespace(lr=0.1, output_dir=tmp_path, evil=None)
    torch.save({"model": STATE, "optimizer": {}, "args": arguments, "epoch": 3}, tmp_path / "model_3.pth")
    (state,) = read_states(tmp_path / "model_3.pth")
    assert state.tensors["conv1.weight"].tolist() == [0.5, -2.0]


@pytest.mark.parametrize("module", [b"numpy._core.multiarray", b"numpy.core.multiarray"])
@pytest.mark.parametrize("number", [np.float64(0.5), np.float32(0.5), np.int64(3), np.bool_(True)])
def test_numbers_of_numpy_beside_the_weights_are_read_over(tmp_path, number, module):
    """NumPy 1 named its module without the underscore."""
    content = io.BytesIO()
    torch.save({"model": STATE, "best": number}, content, _use_new_zipfile_serialization=False)
    (tmp_path / "model.pth").write_bytes(content.getvalue().replace(b"numpy._core.multiarray", module))
    (state,) = read_states(tmp_path / "model.pth")
    assert state.tensors["conv1.weight"].tolist() == [0.5, -2.0]


@pytest.mark.parametrize(
    ("content", "keys"),
    [
        ({}, ""),
        ({"a": "text"}, " but a"),
        ({"mine": STATE, "epoch": 1, "a": 2, "b": 3}, " but mine, epoch, a and 1 more"),
    ],
)
def test_a_file_without_a_state_dict_is_refused_with_the_forms_that_are_taken(tmp_path, content, keys):
    torch.save(content, tmp_path / "weights.pth")
    message = (
        rf"weights\.pth holds no tensors by name{keys}\. A file of weights is a state dict as "
        r"torch\.save\(model\.state_dict\(\), FILE\) or safetensors writes it, .* under model_ema, .*, state_dict, .*"
        r"prefixes module\., backbone\., .* are removed"
    )
    with pytest.raises(ValueError, match=message):
        read_states(tmp_path / "weights.pth")


class Executes:
    """An object that makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


@pytest.mark.parametrize("as_zip", [True, False])
@pytest.mark.parametrize("place", ["alone", "beside", "within"])
def test_nothing_of_a_file_is_executed(tmp_path, place, as_zip):
    evil = Executes(tmp_path / "executed")
    content = {"alone": evil, "beside": {"model": STATE, "args": evil}, "within": {"model": {**STATE, "a": evil}}}[
        place
    ]
    torch.save(content, tmp_path / "evil.pth", _use_new_zipfile_serialization=as_zip)
    with pytest.raises(
        ValueError, match=r"evil\.pth holds more than tensors: it asks for \w+\.system, and nothing of a"
    ):
        read_states(tmp_path / "evil.pth")
    (tmp_path / "plain.pth").write_bytes(pickle.dumps(content))
    with pytest.raises(ValueError, match=r"plain\.pth (holds more than tensors|is damaged, or another kind of file)"):
        read_states(tmp_path / "plain.pth")
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ({"model": STATE, "args": fractions.Fraction(1, 2)}, "fractions.Fraction"),
        (nn.Linear(1, 1), "torch.nn.modules.linear.Linear"),
        ({"model": STATE, "best": np.zeros(2)}, r"numpy\.\S+\._reconstruct"),
    ],
)
def test_what_needs_code_is_refused_by_its_name_with_the_way_out(tmp_path, content, name):
    torch.save(content, tmp_path / "last.pth")
    with pytest.raises(ValueError, match=rf"asks for {name}, .* Load it where it was made, and save model\.state_dict"):
        read_states(tmp_path / "last.pth")


def test_a_torchscript_archive_is_refused_as_such(tmp_path):
    torch.jit.trace(nn.Linear(1, 1), torch.zeros(1)).save(tmp_path / "script.pt")
    with pytest.raises(ValueError, match=r"script\.pt is a TorchScript archive\. Load it with torch\.jit\.load"):
        read_states(tmp_path / "script.pt")


def test_safetensors_that_are_cut_off_are_damaged(tmp_path):
    save_file(STATE, tmp_path / "model.safetensors")
    content = (tmp_path / "model.safetensors").read_bytes()
    for length in (len(content) - 1, 40):
        (tmp_path / "model.safetensors").write_bytes(content[:length])
        with pytest.raises(ValueError, match=r"model\.safetensors is damaged, or another kind of file"):
            read_states(tmp_path / "model.safetensors")
