"""The linear layers of a two-stage detector's second stage, in a form that can be opened."""

from torch import Tensor, nn

from spaces.layers.opened import ActivatedLinear


class BoxHead(nn.Module):
    """Pooled maps (R, C, h, w) to hidden values (R, hidden) of both signs: torchvision's `TwoMLPHead`, without its last
    ReLU, which stands in front of what reads them."""

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.fc6 = nn.Linear(inputs, hidden)
        self.fc7 = ActivatedLinear(hidden, hidden)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.fc7(self.fc6(x.flatten(1)))
        return y


class BoxPredictor(nn.Module):
    """ReLU, then logits (R, K) with index 0 the background, and offsets (R, 4 K) for each class."""

    def __init__(self, hidden: int, scores: int) -> None:
        super().__init__()
        self.cls_score = ActivatedLinear(hidden, scores)
        self.bbox_pred = ActivatedLinear(hidden, 4 * scores)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.cls_score(x), self.bbox_pred(x)
