"""The section `data.augment`: what a training does to its images."""

from pydantic import field_validator

from search.config.section import Section
from search.config.values import FromZeroToOne, Scale


class Augment(Section):
    """In the order in which an image gets them; the first three are SSD's, the last two ours."""

    photometric: bool = False
    expand: FromZeroToOne = 0.0  # share of images laid on a ground of up to 16 times their area
    iou_crop: bool = False
    scale_jitter: tuple[Scale, Scale] | None = None  # lowest and highest factor; null: none
    flip: FromZeroToOne = 0.5  # share of images that are mirrored
    crops: bool = True  # a third of the images cropped, a third zoomed out
    colours: bool = True

    @field_validator("scale_jitter", mode="before")
    @classmethod
    def _pair(cls, scales: object) -> object:
        if scales is not None and (not isinstance(scales, list | tuple) or len(scales) != 2):
            raise ValueError("must be two numbers, [lowest, highest], or null")
        return scales

    @field_validator("scale_jitter")
    @classmethod
    def _rising(cls, scales: tuple[float, float] | None) -> tuple[float, float] | None:
        if scales is not None and scales[0] > scales[1]:
            raise ValueError("must be [lowest, highest]")
        return scales
