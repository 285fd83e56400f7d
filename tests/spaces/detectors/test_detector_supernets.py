"""Supernets of every detector: their paths, what is extracted from them, and their files."""

import pytest
import torch
from every_detector import METHODS, every_method, everywhere, fixed, for_all_levels, roots, spec_of

from spaces.cost import layer_costs
from spaces.detectors import DETECTORS
from spaces.supernet import activate, build_fixed, build_supernet, extract
from trainers.checkpoint import load_weights, save_weights

pytestmark = pytest.mark.parametrize("detector", sorted(DETECTORS))


def raw(output):
    """All tensors of an output but its detections."""
    responses, rois = output.responses, output.rois
    first = [*output.features.values(), *responses.cls, *responses.box, *(responses.quality or []), responses.anchors]
    return first if rois is None else [*first, *rois.proposals, rois.cls, rois.box]


def same_outputs(one, other):
    for ours, theirs in zip(raw(one), raw(other), strict=True):
        assert torch.equal(ours, theirs)
    for ours, theirs in zip(one.detections, other.detections, strict=True):
        assert all(torch.equal(ours[key], theirs[key]) for key in ("boxes", "scores", "labels"))


def test_an_extracted_network_computes_and_costs_what_the_activated_supernet_does(
    detector, lively, random_candidate, images, tmp_path
):
    """The supernet is saved and loaded first: what is extracted comes from its file, and a new one takes that too."""
    supernet, image = lively(every_method(detector)), images[:1]
    state = saved_and_loaded(supernet, tmp_path)
    torch.manual_seed(1)
    again = build_supernet(spec_of(detector), dict.fromkeys(roots(detector), METHODS)).eval()
    again.load_state_dict(state)
    for granularity in ("layer", "block", "stage"):
        candidate = random_candidate(supernet, granularity, seed=3)
        assert len(set(candidate.layers().values())) > 1
        activate(supernet, candidate)
        network = extract(state, spec_of(detector), candidate)
        with torch.no_grad():
            expected = supernet(image)
            same_outputs(network(image), expected)
            if granularity == "layer":
                activate(again, candidate)
                same_outputs(again(image), expected)
        assert layer_costs(network, image) == layer_costs(supernet, image)


def test_a_detector_is_the_same_once_saved_and_loaded(detector, lively, images, tmp_path):
    network = lively(fixed(detector, "bireal"))
    state, candidate = saved_and_loaded(network, tmp_path), everywhere(detector, "bireal")
    torch.manual_seed(1)
    again = build_fixed(spec_of(detector), candidate)
    again.load_state_dict(state)
    with torch.no_grad():
        expected = network(images[:1])
        same_outputs(again.eval()(images[:1]), expected)
        same_outputs(extract(state, spec_of(detector), candidate)(images[:1]), expected)


def saved_and_loaded(network, folder):
    """The network's state as its file has it."""
    save_weights(folder / "network.safetensors", network.state_dict(), {})
    return load_weights(folder / "network.safetensors")[0]


def test_a_supernets_paths_all_get_gradients(detector, lively, images, targets):
    supernet, seen = lively(every_method(detector)).train(), set()
    for method in METHODS:
        activate(supernet, everywhere(detector, method))
        supernet.zero_grad(set_to_none=True)
        sum(supernet(images, for_all_levels(detector, targets)).losses.values()).backward()
        seen |= {name for name, p in supernet.named_parameters() if p.grad is not None and p.grad.count_nonzero()}
    assert seen == {name for name, _ in supernet.named_parameters()}
