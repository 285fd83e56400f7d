"""The outputs of a run's teachers on the images that scores adapt on, computed once for all candidates."""

from collections.abc import Mapping

from results import layout
from search.plan.plan import Plan
from search.run.folder import RunFolder
from spaces.candidate import NO_TEACHER
from spaces.detectors import DEFAULT_HEADS, is_two_stage
from trainers.data.decoded import Decoded
from trainers.distill import TERMS
from trainers.distill.teacher_cache import KnownOutputs, bytes_of, kept_outputs
from trainers.progress import Progress
from trainers.teacher import Teacher


def teacher_outputs(
    plan: Plan, run: RunFolder, teachers: Mapping[str, Teacher], images: Decoded, progress: Progress
) -> dict[str, KnownOutputs]:
    """By teacher of a term that reads outputs: what such terms read of its outputs on `images`.

    Smaller ones first, as many as `scoring.teacher_cache_mb` holds; the other teachers run in every score.
    """
    read, scoring = _parts_read(plan, teachers), plan.config.scoring
    if read and not images.resized.to_one_shape:
        progress.note("Teachers run in every score: outputs on images of their own shapes depend on their batch.")
        return {}
    sizes = {name: bytes_of(teachers[name].network, images, parts) / 2**20 for name, parts in read.items()}
    left, outputs = scoring.teacher_cache_mb, {}
    for name in sorted(read, key=lambda one: (sizes[one], one)):
        if sizes[name] > left:
            progress.note(
                f"The outputs of teacher {name} on {len(images)} images would take {sizes[name]:.1f} MB, more than is "
                f"left of scoring.teacher_cache_mb ({left:.1f}): it runs in every score."
            )
            continue
        teacher = teachers[name]
        place = run.path / layout.TEACHER_OUTPUTS
        saved = kept_outputs(place, teacher.network, description(teacher), images, scoring.batch_size, read[name])
        if saved is None:
            progress.note(f"Half precision can't hold the outputs of teacher {name}: it runs in every score.")
        else:
            outputs[name], left = saved, left - sizes[name]
    return outputs


def description(teacher: Teacher) -> dict[str, object]:
    """What decides a teacher's outputs beside its weights: part of the key under which they are saved.

    A detector with one kind of heads is described with the default kind, as versions before this did: the key stays.
    """
    spec = teacher.spec
    return {**spec.described(), "heads": spec.heads or DEFAULT_HEADS, "candidate": dict(teacher.candidate)}


def _parts_read(plan: Plan, teachers: Mapping[str, Teacher]) -> dict[str, frozenset[str]]:
    """By teacher, what the terms that it may teach read of its output.

    The output of a second stage can't be known: it is for the student's own proposals.
    """
    read: dict[str, frozenset[str]] = {}
    for term, names in plan.terms.items():
        for one in names:
            for name in plan.ensemble.behind(one):
                two_stage = name in teachers and is_two_stage(teachers[name].network)
                unknown = TERMS[term].compares_layers or (two_stage and TERMS[term].second_stage)
                if name != NO_TEACHER and not unknown:
                    read[name] = read.get(name, frozenset()) | {TERMS[term].reads}
    return read
