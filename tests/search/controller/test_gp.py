"""The Gaussian process: a few proposals, since each takes tenths of a second."""

import pytest

from search.controller.problem import SamplerChoice, SamplerError
from spaces.space import Knob, SearchSpace


def test_the_gaussian_process_goes_on_after_a_stop_as_an_unbroken_run(open_controller, drive):
    pytest.importorskip("scipy", reason="the extra `samplers` is not installed")
    space = SearchSpace([Knob(f"layer/b{i}", ("real", "sign")) for i in range(4)])
    given = {"sampler": SamplerChoice("gp", {"n_startup_trials": 4}), "trials": 7, "seed": 3, "space": space}
    unbroken = drive(open_controller("unbroken", **given))
    assert len({candidate for _, candidate in unbroken}) == 7
    resumed = drive(open_controller("resumed", **given), count=6)  # number 5 fails: the first by the process is 4
    assert resumed + drive(open_controller("resumed", **given)) == unbroken


def test_without_scipy_the_way_out_is_named(monkeypatch, open_controller):
    monkeypatch.setattr("search.controller.problem.find_spec", lambda name: None)
    with pytest.raises(SamplerError, match=r"'gp' needs the package scipy, .* Run pip install scipy, or"):
        open_controller(sampler="gp")
