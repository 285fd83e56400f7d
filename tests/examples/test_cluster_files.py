"""The files for a Ray cluster parse, and the command in them is one of ours."""

import shlex
from pathlib import Path

import pytest
import typer
import yaml
from jsonschema import ValidationError
from ray.autoscaler._private.util import prepare_config, validate_config

from search.cli.app import app
from search.config import load_config

FILES = Path(__file__).parents[2] / "examples" / "cluster"


def read(name):
    return yaml.safe_load((FILES / name).read_text("utf-8"))


def test_ray_up_accepts_its_file(monkeypatch, tmp_path):
    """As `ray up` does before it connects: fill in what it adds itself, then compare with its schema."""
    monkeypatch.setattr("ray.autoscaler._private.local.config.get_default_ray_temp_dir", lambda: str(tmp_path))
    config = read("ray_up.yaml")
    prepared = prepare_config(config)
    validate_config(prepared)
    assert config["min_workers"] == prepared["max_workers"] == len(config["provider"]["worker_ips"])
    with pytest.raises(ValidationError):
        validate_config(prepared | {"head_start_commands": []})


@pytest.mark.parametrize(("name", "kind"), [("raycluster.yaml", "RayCluster"), ("rayjob.yaml", "RayJob")])
def test_kubernetes_files_have_a_head_that_scores_nothing_and_workers_of_one_image(name, kind):
    document = read(name)
    assert (document["apiVersion"], document["kind"]) == ("ray.io/v1", kind)
    spec = document["spec"]["rayClusterSpec"] if kind == "RayJob" else document["spec"]
    head, (workers,) = spec["headGroupSpec"], spec["workerGroupSpecs"]
    assert head["rayStartParams"] == {"num-cpus": "0", "num-gpus": "0"}
    assert workers["minReplicas"] <= workers["replicas"] <= workers["maxReplicas"]
    for group in (head, workers):
        pod = group["template"]["spec"]
        (container,) = pod["containers"]
        assert {mount["name"] for mount in container["volumeMounts"]} == {volume["name"] for volume in pod["volumes"]}
        assert container["image"] == "registry.example.org/bitfront:0.1.0"


def test_the_job_runs_a_command_of_ours_whose_workers_fit_on_its_nodes():
    spec = read("rayjob.yaml")["spec"]
    program, command, *words = shlex.split(spec["entrypoint"])
    assert (program, command) == ("bitfront", "search")
    options = typer.main.get_command(app).commands["search"].make_context("search", words).params
    resources = load_config(options["config"], options["set_"]).search.resources
    (nodes,) = spec["rayClusterSpec"]["workerGroupSpecs"]
    assert (resources.cpu, resources.gpu) == (2, 0.25)  # four on each node, which has 8 cores and a GPU
    assert options["workers"] == 4 * nodes["replicas"]
