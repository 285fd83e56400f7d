"""The outputs of a run's teachers on the images that scores adapt on, computed once for all candidates."""

from collections.abc import Mapping
from dataclasses import asdict

from results import layout
from search.config import Config
from search.plan.teaching import ensemble_of
from search.run.folder import RunFolder
from search.stages.teachers import term_teachers
from spaces.candidate import NO_TEACHER
from spaces.detectors import is_two_stage
from trainers.data.decoded import Decoded
from trainers.distill import TERMS
from trainers.distill.teacher_cache import KnownOutputs, bytes_of, kept_outputs
from trainers.progress import Progress
from trainers.teacher import Teacher


def known_outputs(
    config: Config, folder: RunFolder, teachers: dict[str, Teacher], images: Decoded, progress: Progress
) -> dict[str, KnownOutputs]:
    """By teacher, of those that teach a term which reads their outputs; what of them such terms read.

    Smaller ones first, as many as `scoring.teacher_cache_mb` holds: the others run in every score.
    """
    read = _read(config, teachers)
    sizes = {name: bytes_of(teachers[name].network, images, parts) / 2**20 for name, parts in read.items()}
    left, known = config.scoring.teacher_cache_mb, {}
    for name in sorted(read, key=lambda one: (sizes[one], one)):
        if sizes[name] > left:
            progress.note(
                f"The outputs of teacher {name} on {len(images)} images would take {sizes[name]:.1f} MB, more than is "
                f"left of scoring.teacher_cache_mb ({left:.1f}): it runs in every score."
            )
            continue
        teacher = teachers[name]
        described = {**asdict(teacher.spec), "candidate": dict(teacher.candidate)}
        place, size = folder.path / layout.TEACHER_OUTPUTS, config.scoring.batch_size
        kept = kept_outputs(place, teacher.network, described, images, size, read[name])
        if kept is None:
            progress.note(f"Half precision can't hold the outputs of teacher {name}: it runs in every score.")
        else:
            known[name], left = kept, left - sizes[name]
    return known


def _read(config: Config, teachers: Mapping[str, Teacher]) -> dict[str, frozenset[str]]:
    """By teacher, what the terms that it may teach read of its output.

    What a second stage says is never known: it is asked about the student's own proposals.
    """
    read: dict[str, frozenset[str]] = {}
    for term, names in term_teachers(config).items():
        for one in names:
            for name in ensemble_of(config).behind(one):
                two_stage = name in teachers and is_two_stage(teachers[name].network)
                unknown = TERMS[term].compares_layers or (two_stage and TERMS[term].second_stage)
                if name != NO_TEACHER and not unknown:
                    read[name] = read.get(name, frozenset()) | {TERMS[term].reads}
    return read
