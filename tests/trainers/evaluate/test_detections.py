import numpy as np
import pytest

from trainers.evaluate.coco import coco_ap
from trainers.evaluate.coco_reference import pycocotools_ap
from trainers.evaluate.visdrone import visdrone_ap
from trainers.evaluate.voc import voc_ap

BOX = np.array([[0.0, 0.0, 10.0, 10.0]])
EVALUATORS = pytest.mark.parametrize("evaluate", [voc_ap, coco_ap, pycocotools_ap, visdrone_ap])


def found(box=BOX, score=0.5, label=1):
    return {"boxes": box, "scores": np.array([score]), "labels": np.array([label])}


TRUTH = {"boxes": BOX, "labels": np.array([1])}


@EVALUATORS
def test_scores_that_are_nan_are_refused(evaluate):
    with pytest.raises(ValueError, match="Detections of image 1 have a score that is NaN"):
        evaluate([found(), found(score=np.nan)], [TRUTH, TRUTH], 1)


@EVALUATORS
def test_boxes_that_are_not_finite_are_refused(evaluate):
    with pytest.raises(ValueError, match="detections of image 0 have a box that isn't finite"):
        evaluate([found(box=np.array([[0.0, 0.0, np.inf, 1.0]]))], [TRUTH], 1)


@EVALUATORS
@pytest.mark.parametrize("label", [0, 3])
def test_labels_beyond_the_classes_are_refused(evaluate, label):
    with pytest.raises(ValueError, match=f"detections of image 0 have the label {label}, allowed are 1 to 2"):
        evaluate([found(label=label)], [TRUTH], 2)


@EVALUATORS
def test_lists_of_different_length_are_refused(evaluate):
    with pytest.raises(ValueError, match="detections of 2 images but truths of 1"):
        evaluate([found(), found()], [TRUTH], 1)


@EVALUATORS
def test_arrays_of_different_length_are_refused(evaluate):
    with pytest.raises(ValueError, match=r"detections of image 0 have 2 labels, boxes \(1, 4\) and scores \(1,\)"):
        evaluate([found() | {"labels": np.array([1, 1])}], [TRUTH], 1)


@EVALUATORS
def test_no_classes_are_refused(evaluate):
    with pytest.raises(ValueError, match="num_classes is 0, must be at least 1"):
        evaluate([found()], [TRUTH], 0)
