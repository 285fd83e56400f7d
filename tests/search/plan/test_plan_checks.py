"""Each check of a plan is made before its run has a folder."""

import os
from pathlib import Path

import pytest
import torch

from search.config import ConfigError
from search.plan.plan import plan_search, plan_training
from search.stages.search import run_search
from search.stages.train import run_train
from trainers.checkpoint import CheckpointError
from trainers.data.errors import DataError

VOC = "data={format: voc, image_size: 96}"
HINTED = "{layers: sign, terms: {feature_hint: {weight: 1}}}"

BOTH = {
    "image set": (["data.test=trainval"], ConfigError, r"data\.test: is 'trainval', but data\.format is shapes"),
    "no data": ([VOC], DataError, r"the VOC data: no folder was named"),
    "data that isn't there": ([VOC, "data.root=gone"], DataError, r"there is no data here"),
    "device": (["device=cuda"], ConfigError, r"device: is 'cuda', but torch finds no GPU here"),
    "precision of a teacher": (
        ["teachers.twin.precision=fp16"],
        ConfigError,
        r"teachers\.twin\.precision is fp16, which needs a GPU: give bf16",
    ),
    "batch of a teacher": (
        ["teachers.twin.batch_size=17"],
        ConfigError,
        r"teachers\.twin\.batch_size is 17, but train",
    ),
    "file of no weights": (
        ["teachers.big.weights=bad.safetensors"],
        CheckpointError,
        r"teachers\.big\.weights is .*bad\.safetensors is damaged, or another kind of file",
    ),
    "published file": (["student.weights=bad.pth"], CheckpointError, r"student\.weights is .*None of the 100 tensors"),
    "pickled file": (
        ["student.weights=evil.pth"],
        CheckpointError,
        r"student\.weights is .*evil\.pth holds more than tensors: it asks for posix\.mkdir, .* model\.state_dict\(\)",
    ),
    "response": (
        [
            "teachers.dense={detector: gfl_resnet18_plain, width: 0.125}",
            "train.terms={joint_cls: {teacher: dense}}",
        ],
        ConfigError,
        r"train\.terms\.joint_cls\.teacher: 'dense' can't teach it",
    ),
}
SEARCH = {
    "no images to score on": (["data.val=null"], ConfigError, r"data\.val is null, but a search scores its candidates"),
    "batch": (["supernet.batch_size=17"], ConfigError, r"supernet\.batch_size is 17, but train has 16 images"),
    "precision of the retraining": (
        ["retrain.precision=fp16"],
        ConfigError,
        r"retrain\.precision is fp16, which needs a GPU: give bf16",
    ),
    "batch of the retraining": (["retrain.batch_size=17"], ConfigError, r"retrain\.batch_size is 17, but train has 16"),
    "layers": (["space.layers.keep_real=[neck]"], ConfigError, r"space\.layers\.keep_real names 'neck', but no search"),
    "trials": (
        ["search.trials=2", "space.terms={feature_hint: {}}", f"search.enqueue=[{HINTED}]"],
        ConfigError,
        r"search\.trials is 2, but .* it must be at least 3 for all",
    ),
    "ensemble": (["ensemble={mode: random_teacher}"], ConfigError, r"ensemble: is given, but has no effect"),
    "budget": (["search.constraints={ops: 1}"], ConfigError, r"search\.constraints: no candidate of this space is so"),
}
TRAIN = {
    "batch": (["train.batch_size=17"], ConfigError, r"train\.batch_size is 17, but train has 16 images"),
    "layers": (["train.layers={neck: sign}"], ConfigError, r"train\.layers: The detector ssd_resnet18 has no layer"),
}


class MakesFolder:
    """An object that makes a folder when it is unpickled."""

    def __reduce__(self):
        return os.mkdir, ("executed",)


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    """A working folder with weights that fit nothing, on a machine without a GPU and without VOC."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BITFRONT_VOC_ROOT", raising=False)
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    Path("bad.safetensors").write_bytes(b"no weights")
    torch.save({"nothing.weight": torch.ones(1)}, "bad.pth")
    torch.save({"model": {"conv1.weight": torch.ones(1)}, "args": MakesFolder()}, "evil.pth")


@pytest.mark.parametrize(
    ("run", "plan", "case"),
    [
        *((run_search, plan_search, case) for case in {**BOTH, **SEARCH}),
        *((run_train, plan_training, case) for case in {**BOTH, **TRAIN}),
    ],
)
def test_a_mistake_is_found_by_the_plan_and_leaves_no_folder(tiny_config, run, plan, case):
    own = SEARCH if run is run_search else TRAIN
    overrides, error, message = {**BOTH, **own}[case]
    config = tiny_config(*overrides)
    with pytest.raises(error, match=message):
        plan(config, None)
    with pytest.raises(error, match=message):
        run(config)
    assert sorted(path.name for path in Path().iterdir()) == ["bad.pth", "bad.safetensors", "evil.pth"]
