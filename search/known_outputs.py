"""The outputs of a run's teachers on the images that scores adapt on, computed once for all candidates."""

from dataclasses import asdict

from search.config import Config
from search.fit import ensemble_of
from search.run_folder import RunFolder
from search.training_stage import term_teachers
from spaces.space import NO_TEACHER
from trainers.data.decoded import Decoded
from trainers.distill import TERMS
from trainers.distill.ensemble import ENSEMBLE
from trainers.distill.teacher_cache import KnownOutputs, bytes_of, kept_outputs
from trainers.progress import Progress
from trainers.scorer_parts import Teacher


def known_outputs(
    config: Config, folder: RunFolder, teachers: dict[str, Teacher], images: Decoded, progress: Progress
) -> dict[str, KnownOutputs]:
    """By teacher, of those that teach a term which reads their outputs; none where they would take more than
    `scoring.teacher_cache_mb`, and then every score runs its teachers itself."""
    asked = {
        name
        for term, names in term_teachers(config).items()
        if not TERMS[term].compares_layers
        for one in names
        for name in (ensemble_of(config).members if one == ENSEMBLE else (one,))
        if name != NO_TEACHER
    }
    megabytes = sum(bytes_of(teachers[name].network, images) for name in asked) / 2**20
    if megabytes > config.scoring.teacher_cache_mb:
        progress.note(
            f"The teachers' outputs on {len(images)} images would take {megabytes:.0f} MB, more than "
            f"scoring.teacher_cache_mb: they are computed anew in every score."
        )
        return {}
    known = {}
    for name in sorted(asked):
        teacher = teachers[name]
        described = {**asdict(teacher.spec), "candidate": dict(teacher.candidate)}
        place = folder.path / "teacher_outputs"
        kept = kept_outputs(place, teacher.network, described, images, config.scoring.batch_size)
        if kept is None:
            progress.note(f"Half precision can't hold the outputs of teacher {name}: it runs in every score.")
        else:
            known[name] = kept
    return known
