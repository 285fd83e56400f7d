"""The order of a search: data, teachers, supernet, trials, tables, one retrained detector; each is kept when done."""

from dataclasses import dataclass
from pathlib import Path

import results
from results import Run
from search.config import Config
from search.controller.controller import Controller
from search.controller.journal import Journal
from search.controller.objectives import axes
from search.errors import RunError
from search.plan.initial_candidates import ends, first_tried
from search.plan.sources import check_image_sets, class_names, settled
from search.plan.space import build_space, student_spec
from search.plan.teaching import check_ensemble, check_fit, ensemble_of
from search.run.folder import RunFolder, check_run_folder, read_run_folder, run_path
from search.run.lock import RunLock
from search.run.start import started_run, untouched_if_refused
from search.stages.candidate_training import role_rates
from search.stages.data import load_measured
from search.stages.detector_result import Result
from search.stages.prepare import Prepared, check_batch_sizes, check_scoring_data, note_defects, prepare
from search.stages.retrain import retrain_candidate
from search.stages.teacher_outputs import known_outputs
from search.stages.teachers import check_device, check_given_weights, term_teachers
from search.workers.recorder import ALL_REASONS
from search.workers.runner import run_trials
from spaces.candidate import Candidate
from spaces.cost_table import CostTable
from trainers.progress import Progress, SilentProgress
from trainers.scoring.parts import ScorerParts, ScoreSettings, pack, seen_by
from trainers.scoring.scorer import Scorer
from trainers.seeding import seeded


@dataclass(frozen=True)
class Search:
    """What a search left: the run, to be looked at in pandas, and the detector that was retrained, if one was."""

    run: Run
    retrained: Result | None


def run_search(
    config: Config, run_dir: Path | None = None, data_root: Path | None = None, progress: Progress | None = None
) -> Search:
    """Run the whole search in `run_dir`, or go on where an earlier start of it stopped.

    run_dir: `runs/<name>` by default. data_root: replaces the config's. progress: silent by default.

    Raises RunError for a folder of another config or one in use, DataError for bad data, DivergedError when a teacher
    or the supernet diverges; a candidate that fails is recorded, and the search goes on. If a start is refused before
    training, it leaves no files behind.
    """
    run_dir, progress = run_path(config, run_dir), progress or SilentProgress()
    config = settled(config, data_root)
    # Check everything before writing anything.
    check_scoring_data(config)
    images = check_image_sets(config)
    check_batch_sizes(config, {"supernet": config.supernet, "retrain": config.retrain}, images)
    check_ensemble(config)
    first_tried(config, build_space(config, student_spec(config, len(class_names(config)))))
    check_device(config)
    check_fit(config, check_given_weights(config))
    check_run_folder(run_dir, config)
    with started_run(run_dir, config) as folder:
        progress = folder.logged(progress)
        prepared = prepare(config, folder, progress)
        with folder.timed("search"):
            search_front(config, folder, prepared, progress)
        run = results.open_run(folder.path)
        picked = _pick(run, config)
        retrained = _retrain(config, folder, prepared, picked, progress) if picked else None
    return Search(run, retrained)


def run_retrain(
    run_dir: Path,
    candidate_id: str,
    epochs: int | None = None,
    data_root: Path | None = None,
    progress: Progress | None = None,
) -> Result:
    """Retrain one candidate of a run to the end and measure it on `data.test`.

    candidate_id: an id in the trials table, or an unambiguous beginning of one. epochs: replaces the config's.
    data_root: replaces the place where the search found its images. progress: silent by default.
    """
    run_dir, progress = run_dir.resolve(), progress or SilentProgress()
    folder, config = read_run_folder(run_dir)
    config = settled(config, data_root)
    if epochs is not None:
        config = config.model_copy(update={"retrain": config.retrain.model_copy(update={"epochs": epochs})})
    chosen = results.open_run(run_dir).candidate(candidate_id)
    with RunLock(run_dir), untouched_if_refused(folder):
        progress = folder.logged(progress)
        prepared = prepare(config, folder, progress)
        return _retrain(config, folder, prepared, Candidate(chosen), progress)


def search_front(config: Config, folder: RunFolder, prepared: Prepared, progress: Progress) -> None:
    """Propose and score until the run has its trials, then write its tables. Raises RunError where all have failed."""
    search = config.search
    journal = Journal(
        folder.path,
        name=f"{config.name}-{folder.run_id}" if search.storage else config.name,  # a database is for many runs
        space=prepared.space,
        objectives=search.objectives,
        storage=search.storage,
    )
    controller = Controller(
        prepared.space,
        journal,
        objectives=search.objectives,
        costs=CostTable.of(prepared.spec, prepared.space).costs,
        trials=search.trials,
        sampler=search.sampler,
        seed=seeded(config.seed, "search"),
        workers=search.workers,
        constraints=search.constraints,
        initial=first_tried(config, prepared.space),
    )
    if controller.finished < search.trials:
        parts = scorer_parts(config, folder, prepared, progress)
        workers, address = search.workers, search.address
        try:
            run_trials(controller, parts, Scorer, workers=workers, address=address, progress=progress)
        except RunError:
            if controller.finished:  # why candidates failed stands in the tables
                _write_tables(config, folder, prepared, journal.records())
            raise
    _write_tables(config, folder, prepared, journal.records())
    _check_some_complete(journal.records())


def _write_tables(config: Config, folder: RunFolder, prepared: Prepared, records: list[dict[str, object]]) -> None:
    x, y = axes(config.search.objectives)
    named = {prepared.space.canonical(one).id: label for label, one in ends(config, prepared.space).items()}
    results.write_run_tables(folder.path, records, x=x, y=y, references=named)


def _check_some_complete(records: list[dict[str, object]]) -> None:
    if records and all(row["state"] == "failed" for row in records):
        raise RunError(
            f"All {len(records)} candidates failed, the first with: {str(records[0]['reason']).rstrip('.')}. "
            f"{ALL_REASONS} Remove the cause, then start again in another folder (--run-dir), or with more "
            "search.trials: what has failed is not tried again."
        )


def scorer_parts(config: Config, folder: RunFolder, prepared: Prepared, progress: Progress) -> ScorerParts:
    """What every worker gets, once."""
    scoring, supernet = config.scoring, config.supernet
    settings = ScoreSettings(
        adapt_steps=scoring.adapt_steps,
        adapt_learning_rate=scoring.adapt_learning_rate,
        rates={role: rate / supernet.learning_rate for role, rate in role_rates(supernet).items()},
        batch_size=scoring.batch_size,
        recalibrate_images=scoring.recalibrate_images,
        seed=seeded(config.seed, "scoring"),
        device=config.device,
    )
    train = seen_by(settings, prepared.train)
    return pack(
        spec=prepared.spec,
        settings=settings,
        supernet=prepared.state.supernet,
        distiller=prepared.state.distiller,
        terms=term_teachers(config),
        ensemble=ensemble_of(config),
        teachers=prepared.teachers,
        train=train,
        val=prepared.val,
        known=known_outputs(config, folder, prepared.teachers, train, progress) if scoring.adapt_steps else {},
    )


def _pick(run: Run, config: Config) -> Candidate | None:
    if config.retrain.pick is None:
        return None
    chosen = run.knee() if config.retrain.pick == "knee" else config.retrain.pick
    return Candidate(run.candidate(chosen))


def _retrain(config: Config, folder: RunFolder, prepared: Prepared, candidate: Candidate, progress: Progress) -> Result:
    test = load_measured(config, folder, config.data.test, progress)
    note_defects(folder, {config.data.test: test}, progress)
    with folder.timed(f"retrain {candidate.id}"):
        return retrain_candidate(config, folder, prepared, candidate, test, progress)
