"""What a search stands on beside its data: teachers and supernet, read from the run where it made them before."""

from dataclasses import dataclass
from typing import cast

from search.plan.plan import SearchPlan
from search.run.folder import RunFolder
from search.stages.data import RunData
from search.stages.supernet import SupernetState, trained_supernet
from search.stages.teachers import teacher_pool
from trainers.data.decoded import Decoded
from trainers.progress import Progress
from trainers.teacher import Teacher


@dataclass(frozen=True)
class Prepared:
    """What stands before the first trial; `val` is the subset that candidates are scored on."""

    train: Decoded
    val: Decoded
    teachers: dict[str, Teacher]
    state: SupernetState


def prepare(plan: SearchPlan, run: RunFolder, data: RunData, progress: Progress) -> Prepared:
    """Teachers and supernet: read where they were made before, made where they weren't."""
    for name in [one for one in plan.base.teachers if one not in plan.base.needed]:
        progress.note(f"No term names the teacher {name}: it is left out.")
    teachers = teacher_pool(plan.base, run, data, progress)
    state = trained_supernet(plan, run, teachers, data.train, progress)
    return Prepared(data.train, cast(Decoded, data.val), teachers, state)
