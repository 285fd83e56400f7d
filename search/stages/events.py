"""What a run tells an experiment tracker, beside the figures of its stages."""

from search.config import Config
from search.controller.database_url import masked
from search.run.folder import RunFolder
from search.stages.candidate_training import CandidateTraining
from search.stages.detector_result import Result
from trainers.progress import DetectorMeasured, RunStarted


def run_started(run: RunFolder, config: Config) -> RunStarted:
    """The run's folder and its config. A password in `search.storage` stays where it is."""
    content = config.model_dump(mode="json")
    if config.search.storage is not None:
        content["search"]["storage"] = masked(config.search.storage)
    return RunStarted(run.path, content)


def result_measured(training: CandidateTraining, result: Result, test: str) -> DetectorMeasured:
    """A candidate's figures on the image set `test`."""
    return DetectorMeasured(training.stage, test, result.test, result.checkpoint, result.costs)
