"""The distillation losses that a candidate's teachers and loss weights add to the detection loss."""

from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from functools import cache
from typing import cast

import torch
from torch import Tensor, nn

from spaces.candidate import NO_TEACHER, Candidate
from spaces.detectors import DetectorOutput, Target, is_two_stage, searchable_units, traced
from spaces.layers import REAL, is_binary
from spaces.layers.opened import group_of
from spaces.supernet import choice_of
from trainers.distill.ensemble import AVERAGED, ENSEMBLE, Ensemble
from trainers.distill.layer_pair import LayerPair, check_twin, layer_pairs
from trainers.distill.searched_losses import SearchedLosses
from trainers.distill.teacher_passes import Known, TeacherPasses
from trainers.distill.terms import TERMS, LayerTermLoss, Opposed, TermLoss


class Distiller(nn.Module):
    """The distillation terms of a search, with their adapters, over a pool of frozen teachers.

    `terms` maps each term to the teachers that may serve it, by name or as `ensemble`. Adapters and discriminators are
    this module's parameters: they are trained with the supernet and inherited by scores. Teachers are not part of its
    state. Raises ValueError for a teacher that can't serve a term. `step` is a whole training step's forward pass.
    """

    def __init__(
        self,
        student: nn.Module,
        teachers: Mapping[str, nn.Module],
        terms: Mapping[str, list[str]],
        ensemble: Ensemble | None = None,
    ) -> None:
        super().__init__()
        self._teachers, self._ensemble = dict(teachers), ensemble
        self._two_stage = is_two_stage(student)
        units = searchable_units(student)
        self._tracing = {name: group_of(unit) for name, unit in units.items() if unit.may_leave_trace}
        self._layers: dict[str, dict[str, nn.Module]] = {}
        self.terms = nn.ModuleDict()
        for term, names in terms.items():
            channels = {name: self._channels(name) for name in self._met_by(term, names)}
            self.terms[term] = TERMS[term].build(student.feature_channels, channels)  # type: ignore[arg-type]
            if TERMS[term].compares_layers:
                self._layers |= {name: check_twin(name, student, teachers[name]) for name in channels}

    def move(self, device: torch.device) -> None:
        """Move adapters and teachers to a device, in place; `to` moves the adapters alone."""
        self.to(device)
        for teacher in self._teachers.values():
            teacher.to(device)

    def step(
        self,
        network: nn.Module,
        candidate: Candidate,
        images: list[Tensor],
        targets: list[Target],
        known: Known | None = None,
    ) -> dict[str, Tensor]:
        """All losses of a training step by name: those of `run`'s output, and the candidate's terms."""
        output, terms = self.run(network, candidate, images, targets, known=known)
        return dict(output.losses) | terms

    def run(
        self,
        network: nn.Module,
        candidate: Candidate,
        images: list[Tensor],
        targets: list[Target],
        *,
        known: Known | None = None,
        searched: SearchedLosses | None = None,
        proposals: list[Tensor] | None = None,
    ) -> tuple[DetectorOutput, dict[str, Tensor]]:
        """Run `network` on a batch: its output, and the weighted losses of the candidate's terms by name.

        `known` gives teachers' outputs on these images, from a cache: these teachers don't run. `searched` adds the
        losses of searched signs. `proposals`: of another pass, for a two-stage network's second stage. The network
        leaves traces only where a loss needs them.
        """
        compares = any(TERMS[term].compares_layers for term, _, _ in self._open(candidate))
        with traced(network) if compares or (searched and searched.needs_traces()) else nullcontext():
            output: DetectorOutput = network(images, targets, proposals)
        losses = self.losses(candidate, images, output, known)
        if searched is not None:
            losses |= searched.losses(candidate, output)
        return output, losses

    def losses(
        self, candidate: Candidate, images: list[Tensor], student: DetectorOutput, known: Known | None = None
    ) -> dict[str, Tensor]:
        """The weighted terms by name; empty when the candidate has no teacher. Each teacher runs at most once.

        A term with opponents adds their loss as `<term> discriminators`, without a weight: it trains nothing else. A
        student without a 1-bit unit has no layer terms. Raises ValueError for a layer term if the student left no
        traces.
        """
        second_stage = any(TERMS[term].second_stage for term, _, _ in self._open(candidate))
        passes = TeacherPasses(
            self._teachers,
            images,
            self._recorded(candidate),
            ensemble=self._ensemble,
            known=known,
            proposals=student.rois.proposals if second_stage and student.rois is not None else None,
        )

        @cache  # shared by all terms of one teacher, so that a layer computes its products once
        def pairs(teacher: str, inputs: str) -> dict[str, LayerPair]:
            own = passes.inputs(teacher) if inputs == "twin" else None
            return layer_pairs(student.layers, self._layers[teacher], own)

        losses: dict[str, Tensor] = {}
        for term, teacher, weight in self._open(candidate):
            if not TERMS[term].compares_layers:
                loss, opponents = self._of_outputs(term, teacher, student, passes)
                losses |= opponents
            elif student.layers:
                layer_term = cast(LayerTermLoss, self.terms[term])
                loss = layer_term(pairs(teacher, layer_term.inputs))
            elif self._has_traces(candidate):
                raise ValueError(f"The term {term} compares layers: run the student in `Distiller.step`, or `traced`.")
            else:
                continue
            if loss.ndim:
                raise ValueError(f"The term {term} gave a loss of shape {tuple(loss.shape)}, must give a scalar.")
            losses[term] = weight * loss
        return losses

    def _of_outputs(
        self, term: str, teacher: str, student: DetectorOutput, passes: TeacherPasses
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss of a term that compares outputs, and its opponents' by name; both summed over an ensemble."""
        together = self._ensemble.taught_by() if self._ensemble else ()
        names = together if teacher == ENSEMBLE else (teacher,)
        module = cast(TermLoss, self.terms[term])
        loss = torch.stack([module(student, passes.output(name), name) for name in names]).sum(0)
        if not isinstance(module, Opposed):
            return loss, {}
        game = [module.opponents_loss(student, passes.output(name), name) for name in names]
        return loss, {f"{term} {module.opponents}": torch.stack(game).sum()}

    def _has_traces(self, candidate: Candidate) -> bool:
        """Whether a traced student leaves any."""
        layers = candidate.layers()
        return any(is_binary(choice_of(name, group, layers) or REAL) for name, group in self._tracing.items())

    def _met_by(self, term: str, names: list[str]) -> list[str]:
        """The teachers that a term may compare with, each once; for an ensemble its members, or their average."""
        met: dict[str, None] = {}
        for name in names:
            if name == ENSEMBLE:
                met |= dict.fromkeys(self._members(term))
            elif name != NO_TEACHER:
                met[name] = None
        return list(met)

    def _members(self, term: str) -> tuple[str, ...]:
        if self._ensemble is None:
            raise ValueError(f"The term {term} may be taught by an ensemble, but none was given.")
        if TERMS[term].compares_layers:
            raise ValueError(f"The term {term} compares layers with one twin's: no ensemble can teach it.")
        averaged = AVERAGED.get(self._ensemble.mode)
        if averaged is None:
            return self._ensemble.members
        if averaged != TERMS[term].reads:
            raise ValueError(
                f"The term {term} reads {TERMS[term].reads}, but {self._ensemble.mode} averages {averaged}."
            )
        if averaged == "responses" and self._two_stage:
            raise ValueError("average_responses averages no second stages, by which a two-stage student is taught.")
        return (ENSEMBLE,)

    def _channels(self, name: str) -> Mapping[str, int]:
        """A teacher's pyramid channels; for an average, the levels that all members have."""
        if name != ENSEMBLE:
            return cast(Mapping[str, int], self._teachers[name].feature_channels)
        ensemble = cast(Ensemble, self._ensemble)
        members = [self._channels(member) for member in ensemble.members]
        shared = {
            level: channels for level, channels in members[0].items() if all(level in member for member in members)
        }
        unlike = [level for level, channels in shared.items() if any(member[level] != channels for member in members)]
        if unlike and ensemble.mode == "average_features":
            raise ValueError(
                f"Level {unlike[0]} of its members has {', '.join(str(each[unlike[0]]) for each in members)} channels: "
                "there is no average of these. Another mode needs no common channels."
            )
        return shared

    def _open(self, candidate: Candidate) -> Iterator[tuple[str, str, float]]:
        """Each term that has an effect, with its teacher and its weight."""
        terms = candidate.terms()
        for term in self.terms:
            if term in terms and terms[term].weight != 0:
                yield term, terms[term].teacher, terms[term].weight

    def _recorded(self, candidate: Candidate) -> dict[str, dict[str, nn.Module]]:
        """By teacher, the layers whose own inputs a layer term reads."""
        layer_terms = [(term, teacher) for term, teacher, _ in self._open(candidate) if TERMS[term].compares_layers]
        reading = [t for term, t in layer_terms if cast(LayerTermLoss, self.terms[term]).inputs == "twin"]
        return {teacher: self._layers[teacher] for teacher in reading}
