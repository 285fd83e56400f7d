import pytest
import torch
from safetensors.torch import save_file

from trainers.checkpoint import save_weights
from trainers.file_format import is_own_file


@pytest.mark.parametrize("name", ["a.safetensors", "a.pth", "a"])
def test_files_of_ours_are_known_by_their_content(tmp_path, name):
    assert not is_own_file(tmp_path / name)
    save_weights(tmp_path / name, {"a": torch.ones(2)}, {"kind": "detector"})
    assert is_own_file(tmp_path / name)


@pytest.mark.parametrize(
    ("metadata", "own"),
    [(None, False), ({"format": "pt"}, False), ({"description": "{}"}, False), ({"format": "bitfront-2"}, True)],
)
def test_of_other_safetensors_those_of_other_versions_are_ours(tmp_path, metadata, own):
    save_file({"a": torch.ones(2)}, tmp_path / "a.safetensors", metadata)
    assert is_own_file(tmp_path / "a.safetensors") is own
