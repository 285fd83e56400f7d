"""A scorer of the tiny supernet, and what its adaptations do to a network."""

import hashlib
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from spaces.candidate import Candidate
from spaces.supernet import extract
from trainers.devices import freeze
from trainers.distill import Distiller
from trainers.scoring import scorer
from trainers.scoring.parts import ScorerParts, ScoreSettings, group_of, pack, seen_by
from trainers.scoring.scorer import Scorer
from trainers.teacher import Teacher


@pytest.fixture
def settings() -> ScoreSettings:
    return ScoreSettings(adapt_steps=3, batch_size=4, recalibrate_images=6, adapt_learning_rate=1e-3, device="cpu")


@pytest.fixture
def taught() -> Candidate:
    return Candidate({"layer/backbone": "sign", "teacher/feature_hint": "twin", "weight/feature_hint": 10.0})


@pytest.fixture
def mixed() -> Candidate:
    return Candidate(
        {
            "layer/backbone": "bireal",
            "layer/backbone.layer1": "real",
            "layer/backbone.layer2.0.conv1": "sign",
            "teacher/feature_hint": "twin",
            "weight/feature_hint": 1.0,
        }
    )


@pytest.fixture
def parts(spec, supernet, fixed, blobs, settings) -> ScorerParts:
    """Twelve images to learn from and five to be measured on, with a twin to teach."""
    twin = Teacher(freeze(fixed("real", seed=3)), spec, Candidate({"layer/backbone": "real"}))
    torch.manual_seed(4)
    distiller = Distiller(supernet, {"twin": twin.network}, {"feature_hint": ["none", "twin"]})
    with torch.no_grad():
        for adapter in distiller.parameters():
            adapter.normal_(std=0.1)
    return pack(
        spec=spec,
        settings=settings,
        supernet=supernet.state_dict(),
        distiller=distiller.state_dict(),
        terms={"feature_hint": ["none", "twin"]},
        teachers={"twin": twin},
        train=seen_by(settings, blobs(12, seed=1)),
        val=blobs(5, seed=2),
    )


@pytest.fixture
def adapted(spec, monkeypatch) -> Callable[[ScorerParts, Candidate], Tensor]:
    """From parts and a candidate to the change of all the network's parameters by its adaptation, flat."""

    def change(parts: ScorerParts, candidate: Candidate) -> Tensor:
        after, recalibrate = [], scorer.recalibrate
        with monkeypatch.context() as patch:
            patch.setattr(
                scorer,
                "recalibrate",
                lambda network, batches: after.extend(network.parameters()) or recalibrate(network, batches),
            )
            Scorer(parts).score(candidate)
        supernet = {name: torch.from_numpy(array.copy()) for name, array in group_of(parts, "supernet").items()}
        before = extract(supernet, spec, candidate).parameters()
        return torch.cat([(p.detach() - b.detach()).flatten() for p, b in zip(after, before, strict=True)])

    return change


@pytest.fixture
def weights_are_scored(monkeypatch) -> None:
    """A score has the digest of the measured network's weights and statistics too: equal means bit for bit."""
    measure = scorer.score_metrics

    def with_digest(network: nn.Module, data: object) -> dict[str, float]:
        digest = hashlib.sha256(b"".join(tensor.numpy().tobytes() for tensor in network.state_dict().values()))
        return measure(network, data) | {"weights": float(int(digest.hexdigest()[:12], 16))}

    monkeypatch.setattr(scorer, "score_metrics", with_digest)
