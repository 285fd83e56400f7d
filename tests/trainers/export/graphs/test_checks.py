"""Raw outputs of whole graphs against torch's: what is told apart from rounding, however small an output is."""

import numpy as np
import pytest
from random_detectors import random_detector

from spaces.candidate import Candidate
from trainers.export.exporter import WrongExportError
from trainers.export.graphs.checks import check_outputs
from trainers.export.graphs.walk import walk


def outputs(*pictures):
    return [{"cls0": np.float32(values)} for values in pictures]


def test_the_largest_difference_on_the_middle_picture_counts():
    wanted = outputs([0, 4], [1, 5], [2, 8])
    made = outputs([0, 4], [1, 5.5], [4, 8])  # off by 0, by 0.5 of 5, by 2 of 8
    assert check_outputs(made, wanted, "it") == pytest.approx(0.1)


def test_an_output_of_one_value_is_checked_over_all_pictures():
    wanted = outputs([1], [2], [3])  # which vary by 2/3 around 2
    assert check_outputs(outputs([1], [2], [9]), wanted, "it") == 0
    with pytest.raises(WrongExportError, match=r"cls0 in it has little .+: off by 1 on average, where .+ 0\.667"):
        check_outputs(outputs([2], [3], [3]), wanted, "it")
    with pytest.raises(WrongExportError, match="off by nan"):
        check_outputs(outputs([1], [np.nan], [3]), wanted, "it")


def test_there_are_as_many_pictures_as_give_the_smallest_output_enough_values():
    walked = walk(random_detector("ssd_resnet18", Candidate({}), "light"))
    assert [picture.shape for picture in walked.pictures] == [(1, 96, 96, 3)] * 3
    # squares of 1, 2 and 4 pixels of one colour
    assert [np.array_equal(one[:, ::2], one[:, 1::2]) for one in walked.pictures] == [False, True, True]
    one_cell = walk(random_detector("gfl_resnet18", Candidate({}), "light"))
    assert one_cell.outputs[0]["quality4"].size == 1
    assert len(one_cell.pictures) == 8
