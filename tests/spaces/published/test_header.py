import json

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save, save_file

from spaces.published.header import safetensors_metadata


@pytest.mark.parametrize(("metadata", "found"), [(None, {}), ({"format": "pt"}, {"format": "pt"})])
def test_safetensors_are_known_by_their_header_whatever_they_are_called(tmp_path, metadata, found):
    save_file({"a": torch.ones(2)}, tmp_path / "weights.pth", metadata)
    assert safetensors_metadata(tmp_path / "weights.pth") == found


def framed(text):
    return len(text).to_bytes(8, "little") + text


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"hello, this is a text",
        framed(b"no JSON"),
        framed(b"[1, 2]"),
        framed(b'{"a": \xff}'),
        framed(b"{" + b'"a":[' * 100_000),
        framed(json.dumps({"a": {}}).encode())[:-1],
        (2**60).to_bytes(8, "little") + b"{}",
    ],
)
def test_other_files_are_no_safetensors(tmp_path, content):
    (tmp_path / "weights.safetensors").write_bytes(content)
    assert safetensors_metadata(tmp_path / "weights.safetensors") is None


def test_a_checkpoint_of_torch_a_folder_and_no_file_are_no_safetensors(tmp_path):
    torch.save({"a": torch.ones(2)}, tmp_path / "weights.safetensors")
    for name in ("weights.safetensors", ".", "gone", 300 * "x"):
        assert safetensors_metadata(tmp_path / name) is None


@given(st.binary(max_size=40))
def test_any_bytes_are_looked_at_without_an_error(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "any.safetensors"
    path.write_bytes(content)
    assert safetensors_metadata(path) in (None, {})


def test_the_header_of_a_file_that_is_cut_off_behind_it_is_read(tmp_path):
    (tmp_path / "cut").write_bytes(save({"a": torch.ones(2)}, {"format": "pt"})[:-1])
    assert safetensors_metadata(tmp_path / "cut") == {"format": "pt"}
