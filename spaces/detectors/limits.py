"""How many boxes of an image a detector keeps on the way to its detections."""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Limits:
    """Of an image: the candidates of best score before NMS, over all classes or of `each_class`, and what NMS leaves.

    Both are a detector's published numbers; `keeping` is what they become where another number of detections counts.
    """

    before_nms: int
    after_nms: int
    each_class: bool = False

    def keeping(self, detections: int) -> "Limits":
        """So many after NMS, and where these are more as many candidates for each of them as before."""
        candidates = max(self.before_nms, self.before_nms * detections // self.after_nms)
        return replace(self, before_nms=candidates, after_nms=detections)
