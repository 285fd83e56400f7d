"""What tests of stages share: a run brought to the point where its trials could begin."""

from collections.abc import Callable
from pathlib import Path

import pytest

from search.config import Config, config_text
from search.plan.plan import SearchPlan, plan_search
from search.run.folder import RunFolder
from search.stages.data import note_data, read_data
from search.stages.prepare import Prepared, prepare
from trainers.progress import Progress, SilentProgress


@pytest.fixture
def prepared() -> Callable[..., tuple[SearchPlan, RunFolder, Prepared]]:
    """Plans a search and makes or reads its data, teachers and supernet in a folder, as `run_search` does."""

    def bring(config: Config, path: Path, progress: Progress | None = None) -> tuple[SearchPlan, RunFolder, Prepared]:
        plan, run, progress = plan_search(config, None), RunFolder(path), progress or SilentProgress()
        data = read_data(plan.base, run, progress)
        run.begin(config_text(plan.base.config))
        note_data(data, run, progress)
        return plan, run, prepare(plan, run, data, progress)

    return bring
