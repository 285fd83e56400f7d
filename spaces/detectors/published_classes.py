"""The class predictors of published detectors, and how they are fitted to other classes."""

from collections.abc import Mapping

from torch import Tensor

COCO_ROWS = 91
"""Rows of torchvision's predictors for COCO: the background, and the category ids 1 to 90."""

WITHOUT_CLASS = frozenset({12, 26, 29, 30, 45, 66, 68, 69, 71, 83})
"""The category ids that COCO's files don't use."""

ROWS_OF_EIGHTY = tuple(row for row in range(COCO_ROWS) if row not in WITHOUT_CLASS)
"""The background and the eighty classes in the order of their ids, which is that of the labels."""


def fit_predictors(
    state: Mapping[str, Tensor], predictors: Mapping[str, int], there: int, wanted: int
) -> dict[str, Tensor]:
    """The state with predictors of `wanted` rows instead of `there`, background included, or without any.

    predictors: names of tensors (A * there * n, ...), each with its n numbers a row. As many rows as are wanted stay as
    they are; of COCO's 91 those of its eighty classes are taken. Others get a name that no network has, so that a
    report lists them among what was left out. Raises ValueError for a tensor that has other rows.
    """
    fitted = dict(state)
    for name, numbers in predictors.items():
        if name not in state or there == wanted:
            continue
        tensor = fitted.pop(name)
        if (there, wanted) == (COCO_ROWS, len(ROWS_OF_EIGHTY)):
            if tensor.ndim == 0 or len(tensor) % (there * numbers):
                raise ValueError(f"The tensor {name} is {tuple(tensor.shape)}, no predictor of {there} rows.")
            fitted[name] = tensor.unflatten(0, (-1, there, numbers))[:, ROWS_OF_EIGHTY].flatten(0, 2)
        else:
            fitted[f"{name} of {there} rows"] = tensor
    return fitted


def report_predictors(there: int, wanted: int) -> list[str]:
    """Report what `fit_predictors` does; empty if all rows stay or there are none."""
    if there in (0, wanted):
        return []
    if (there, wanted) == (COCO_ROWS, len(ROWS_OF_EIGHTY)):
        return ["its class predictors' 91 category ids of COCO are read as the eighty classes"]
    return [f"its class predictors are left out: they have {there} rows with the background's, ours {wanted}"]
