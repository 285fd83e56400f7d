"""Checks of a config against the machine and the data."""

import pytest

from search.config import ConfigError
from search.config.schema import Data, Supernet, Train
from search.plan.checks import check_batch_sizes, check_device, check_parts, check_precisions, check_scoring_data


def test_a_gpu_that_is_not_there_is_refused_and_auto_is_not(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(ConfigError, match=r"device: is 'cuda', but torch finds no GPU here\. Give cpu, or auto"):
        check_device("cuda")
    check_device("auto")
    check_device("cpu")
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    check_device("cuda")


def test_a_search_needs_images_to_score_on():
    with pytest.raises(ConfigError, match=r"data\.val is null, but a search scores its candidates on these images"):
        check_scoring_data(Data(format="shapes", val=None))
    check_scoring_data(Data(format="shapes"))


def test_a_batch_may_have_as_many_images_as_there_are_and_no_more():
    sections = {"supernet": Supernet(batch_size=8), "train": Train(batch_size=9)}
    check_batch_sizes(sections, "trainval", 9)
    message = r"^train\.batch_size is 9, but trainval has 8 images\. Give it more images or a smaller batch\.$"
    with pytest.raises(ConfigError, match=message):
        check_batch_sizes(sections, "trainval", 8)
    check_batch_sizes(sections, "trainval", None)  # images that are still to be downloaded


def test_fp16_is_refused_where_there_is_no_gpu_and_bf16_is_not(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    sections = {"supernet": Supernet(precision="bf16"), "train": Train(precision="fp16")}
    message = r"^train\.precision is fp16, which needs a GPU: give bf16, which has float32's range, or float32\.$"
    for device in ("auto", "cpu"):
        with pytest.raises(ConfigError, match=message):
            check_precisions(sections, device)
    check_precisions(sections, "cuda")  # that there is one is checked before
    check_precisions({"supernet": sections["supernet"]}, "cpu")


def test_a_batch_is_split_into_equal_parts_of_two_images_or_more():
    check_parts({"train": Train(batch_size=8, accumulate=2)}, workers=4)
    message = (
        r"^train\.batch_size is 8, but it is split into 6 equal parts: training\.workers is 3, train\.accumulate 2\. "
        r"Give a multiple of 6\.$"
    )
    with pytest.raises(ConfigError, match=message):
        check_parts({"train": Train(batch_size=8, accumulate=2)}, workers=3)
    message = r"^train\.accumulate is 8, which leaves 1 image of a batch of 8: BatchNorm needs more than one\.$"
    with pytest.raises(ConfigError, match=message):
        check_parts({"train": Train(batch_size=8, accumulate=8)}, workers=1)
