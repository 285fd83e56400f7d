"""Samplers by import path: repeatable, resumed with what they keep in the study, and refused with the way out."""

import re

import pytest

from search.controller.foreign import foreign_from_seed
from search.controller.problem import SamplerChoice, SamplerError
from search.controller.study_state import STUDY, TRIAL, ForeignError

BY_PATH = [
    SamplerChoice("optuna.samplers:TPESampler", {"multivariate": False, "n_startup_trials": 5}),
    SamplerChoice("optuna.samplers:NSGAIISampler", {"population_size": 4}),
    SamplerChoice("optuna.samplers:BruteForceSampler"),
    SamplerChoice("foreign_samplers:InStudy", {"step": 3}),
    SamplerChoice("foreign_samplers:InItself"),
]


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
@pytest.mark.parametrize("sampler", BY_PATH, ids=lambda one: one.name.partition(":")[2])
def test_a_run_stopped_with_a_proposal_in_flight_goes_on_as_an_unbroken_one(sampler, open_controller, drive):
    unbroken = drive(open_controller("unbroken", sampler=sampler, trials=20, seed=3))
    assert len({candidate for _, candidate in unbroken}) == 20
    resumed = []
    for count in (9, 4, 7):
        controller = open_controller("resumed", sampler=sampler, trials=20, seed=3)
        resumed += drive(controller, count=count)
        controller.ask()  # and the process dies
    assert resumed == unbroken


def test_what_a_sampler_writes_into_the_study_and_the_trial_is_kept_with_the_trial(open_controller, drive):
    """The space has 8 knobs: one proposal moves the count by 8, and the trial keeps the last one before."""
    drive(open_controller(sampler="foreign_samplers:InStudy"), count=1)
    controller = open_controller(sampler="foreign_samplers:InStudy")
    controller.ask()
    [kept] = controller._journal.trials()
    assert (kept.user_attrs[STUDY], kept.user_attrs[TRIAL]) == ({"asked": 8}, {"asked": 7})
    [in_flight] = controller._journal.in_flight()
    assert in_flight.user_attrs[STUDY]["asked"] > 8


def test_state_in_the_object_does_not_reach_the_next_proposal(open_controller, drive):
    """Each proposal has an object of its own: all begin at the same choice, and repetitions are changed."""
    [(_, first), (_, second)] = drive(open_controller(sampler="foreign_samplers:InItself"), count=2)
    assert set(first.layers().values()) == {"real"}
    assert second != first


def test_a_sampler_that_fails_in_a_search_is_named_and_what_was_scored_is_kept(open_controller, drive):
    expected = re.escape("The sampler foreign_samplers:Late raised KeyError at trial 11: 'kernel' (foreign_samplers.py")
    with pytest.raises(ForeignError, match=f"^{expected}, line [0-9]+\\). What has been scored is kept. Repair"):
        drive(open_controller(sampler="foreign_samplers:Late"))  # number 5 fails: ten are complete after number 10
    repaired = SamplerChoice("foreign_samplers:Late", {"complete": 99})
    controller = open_controller(sampler=repaired)
    assert controller.finished == 11
    assert drive(controller, count=1)[0][0] == 11


REFUSED = {
    "no_such_module:Sampler": "'no_such_module:Sampler' can't be imported: ModuleNotFoundError: No module named",
    "foreign_samplers:InStud": (
        "'foreign_samplers:InStud': there is no 'InStud' in foreign_samplers. Did you mean 'InStudy'? Its samplers: "
    ),
    "foreign_samplers:NoSampler": (
        "'foreign_samplers:NoSampler' is no class derived from optuna.samplers.BaseSampler. Its samplers: Foreign, InIt"
    ),
    "foreign_samplers:Refusing": "foreign_samplers:Refusing needs the argument 'rate': give it under arguments.",
}


@pytest.mark.parametrize("path", REFUSED)
def test_a_path_that_leads_to_no_sampler_is_refused(path):
    with pytest.raises(SamplerError, match=f"^{re.escape(REFUSED[path])}"):
        foreign_from_seed(path, {})


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"seed": 1, "rate": 1}, "arguments has a seed, but each proposal gets a seed of its own"),
        ({"rat": 1}, "takes no argument 'rat'. Did you mean 'rate'? It takes: rate."),
        ({"rate": -1}, "can't be made with these arguments: ValueError: rate must not be negative. Correct them."),
    ],
)
def test_arguments_that_the_class_does_not_take_are_refused(arguments, text):
    with pytest.raises(SamplerError, match=re.escape(text)):
        foreign_from_seed("foreign_samplers:Refusing", arguments)(0)


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A stand-in for the package optunahub, whose registry has what `foreign_samplers` has."""
    text = "import importlib\n\ndef load_module(package):\n    return importlib.import_module(package.split('/')[1])\n"
    (tmp_path / "optunahub.py").write_text(text)
    (tmp_path / "one_sampler.py").write_text("from foreign_samplers import InStudy\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(__import__("sys").modules, "optunahub", raising=False)


@pytest.mark.parametrize("path", ["optunahub:samplers/one_sampler", "optunahub:samplers/foreign_samplers:InStudy"])
def test_a_package_of_optunahubs_is_loaded_through_its_package(hub, path, open_controller, drive):
    by_hub = drive(open_controller("hub", sampler=path), count=3)
    assert by_hub == drive(open_controller("path", sampler="foreign_samplers:InStudy"), count=3)


def test_a_hub_package_that_can_not_be_chosen_or_loaded_is_refused(hub):
    with pytest.raises(SamplerError, match=r"has 6 samplers; put the name of one behind it, with a colon\. Its"):
        foreign_from_seed("optunahub:samplers/foreign_samplers", {})
    with pytest.raises(SamplerError, match=r"'optunahub:samplers/gone' can't be loaded: ModuleNotFoundError: .* hub\."):
        foreign_from_seed("optunahub:samplers/gone", {})


def test_without_the_package_optunahub_the_way_out_is_named(monkeypatch):
    monkeypatch.setattr("search.controller.problem.find_spec", lambda name: None)
    with pytest.raises(SamplerError, match=r"needs the package optunahub, .* Run pip install optunahub, or"):
        foreign_from_seed("optunahub:samplers/auto_sampler", {})
