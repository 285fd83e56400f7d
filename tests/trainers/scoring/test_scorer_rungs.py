"""A rung is a score with so many steps, from the supernet's weights, on the same batches as a search of that alone."""

from dataclasses import replace

import numpy as np
import pytest

from trainers.scoring.parts import ScoreSettings, seen_by
from trainers.scoring.scorer import Scorer


def exact(score):
    return {name: value.hex() for name, value in score.metrics.items()}


def with_settings(parts, **changes):
    return replace(parts, settings=parts.settings | changes)


@pytest.mark.usefixtures("weights_are_scored")
def test_each_rung_scores_as_a_search_with_its_steps_alone(parts, mixed):
    rungs = Scorer(with_settings(parts, adapt_steps=0, higher_rungs=(1, 3)))
    alone = [exact(Scorer(with_settings(parts, adapt_steps=steps)).score(mixed)) for steps in (0, 1, 3)]
    assert [exact(rungs.score(mixed, rung)) for rung in (2, 0, 1)] == [alone[2], alone[0], alone[1]]
    assert len({str(one) for one in alone}) == 3


def test_the_images_reach_for_the_longest_rung_and_begin_with_those_of_the_shorter(blobs):
    def seen(**chosen):
        return seen_by(ScoreSettings(batch_size=2, recalibrate_images=4, seed=7, **chosen), blobs(12, seed=1)).image_ids

    assert len(seen(adapt_steps=1)) == 4  # those of the recalibration
    assert len(seen(adapt_steps=1, higher_rungs=(3, 5))) == 10
    assert seen(adapt_steps=1, higher_rungs=(3, 5))[:6] == seen(adapt_steps=3)
    assert len(np.unique(seen(adapt_steps=50))) == 12


@pytest.mark.parametrize(("first", "higher"), [(3, (3,)), (3, (5, 4)), (0, (0,))])
def test_steps_must_rise_from_rung_to_rung(first, higher):
    with pytest.raises(ValueError, match=r"The steps of the rungs are \[.*\], must rise from rung to rung"):
        ScoreSettings(adapt_steps=first, higher_rungs=higher)
