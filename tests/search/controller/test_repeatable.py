"""How often a sampler that repeats itself is asked again."""

import optuna
import pytest
from optuna.samplers import BaseSampler
from optuna.trial import TrialState, create_trial

from search.controller.repeatable import ProposingSampler, attempts
from spaces.candidate import Candidate
from spaces.space import Knob, SearchSpace

SPACE = SearchSpace([Knob(f"layer/b{i}", ("real", "sign", "bireal")) for i in range(3)])
REAL = Candidate({f"layer/b{i}": "real" for i in range(3)})


class AlwaysReal(BaseSampler):
    """Proposes the same candidate again and again, and counts how often."""

    asked = 0

    def infer_relative_search_space(self, study, trial):
        return {}

    def sample_relative(self, study, trial, search_space):
        self.asked += 1
        return dict(REAL)

    def sample_independent(self, study, trial, param_name, param_distribution):
        raise AssertionError(f"{param_name} was proposed.")


def propose(sampler, number, proposed):
    proposing = ProposingSampler(SPACE, lambda seed: sampler, seed=0, proposed=proposed)
    trial = create_trial(state=TrialState.RUNNING)
    trial.number = number
    return proposing.sample_relative(optuna.create_study(), trial, proposing.distributions)


@pytest.mark.parametrize(
    ("number", "draws"), [(0, 20), (99, 20), (100, 19), (199, 10), (399, 5), (665, 3), (999, 3), (9999, 3)]
)
def test_the_longer_a_search_the_fewer_times_it_draws_again(number, draws):
    assert attempts(number) == draws


@pytest.mark.parametrize(("number", "draws"), [(5, 20), (199, 10)])
def test_a_sampler_that_repeats_itself_gets_a_new_candidate_near_its_last_one(number, draws):
    sampler = AlwaysReal()
    params = propose(sampler, number, proposed={REAL})
    assert sampler.asked == draws
    assert sorted(params.values()) in (["bireal", "real", "real"], ["real", "real", "sign"])


def test_the_first_new_candidate_is_taken():
    sampler = AlwaysReal()
    assert propose(sampler, 0, proposed=set()) == dict(REAL)
    assert sampler.asked == 1
