"""The trials of a search: proposed, scored and written to the run's tables."""

from dataclasses import asdict
from functools import partial
from typing import cast

import numpy as np

import results
from results.columns import is_knob
from results.effects import AccuracyEffects
from results.layers import write_layer_costs
from search.config.schema import Config, Search
from search.controller.controller import Controller
from search.controller.database import check_database
from search.controller.database_url import masked
from search.controller.journal import Journal
from search.controller.proposal import Done
from search.errors import RunError
from search.plan.plan import SearchPlan
from search.plan.samplers import sampler_choice, search_problem
from search.run.folder import RunFolder
from search.stages.accuracy_model import ModelTables
from search.stages.data import RunData
from search.stages.prepare import Prepared
from search.stages.refresh import Row, TableRefresh, remove_unfinished_tables
from search.stages.scoring import score_settings, scorer_parts
from search.workers.nodes import Nodes
from search.workers.places import check_demand, check_places
from search.workers.runner import run_trials
from search.workers.search_scalars import SearchScalars
from search.workers.share import Demand
from search.workers.standing import ALL_REASONS
from spaces.candidate import Candidate, Value
from spaces.cost_table import CostTable
from trainers.data.decoded import Decoded
from trainers.progress import Progress, TrialEnded
from trainers.scoring.scorer import Scorer
from trainers.seeding import seeded


def check_workers(plan: SearchPlan, run: RunFolder, data: RunData) -> None:
    """Raise RunError, before long trainings, where Ray could not start the workers on this machine after them."""
    nodes = _nodes(plan.base.config)
    if not run.supernet.is_file():
        check_demand(nodes.address, nodes.demand)
        val = cast(Decoded, data.val)
        seen = min(score_settings(plan).images, len(data.train))
        check_places(nodes.address, val.bytes_of() + data.train.bytes_of(np.arange(seen)))


def check_storage(search: Search, progress: Progress) -> None:
    """Raise RunError, before anything is written, where the database for the trials can't be used."""
    storage = search.storage
    if storage is not None:
        check_database(storage)
        if masked(storage) != storage:
            progress.note(
                f"search.storage is {masked(storage)}, and the run's config.yaml keeps its password in the clear. Put "
                "the password into an environment variable, and write ${NAME} in its place."
            )


def search_front(plan: SearchPlan, run: RunFolder, prepared: Prepared, progress: Progress) -> None:
    """Propose and score until the run has its trials, then write its tables. Raises RunError where all have failed."""
    config, search = plan.base.config, plan.base.config.search
    journal = Journal(
        run.path,
        name=f"{config.name}-{run.make_run_id()}" if search.storage else config.name,  # a database is for many runs
        space=plan.space,
        objectives=search.objectives,
        storage=search.storage,
        note=progress.note,
    )
    controller = Controller(
        search_problem(search, plan.space, plan.cost_table),
        journal,
        sampler=sampler_choice(search),
        seed=seeded(config.seed, "search"),
        initial=plan.initial,
        rungs=len(config.scoring.steps),
        reduction=config.scoring.reduction,
    )
    write_layer_costs(run.path, [asdict(share) for share in plan.cost_table.shares()])
    scalars = (
        SearchScalars(run.path, controller.problem, controller.records(), controller.rungs)
        if config.tensorboard
        else None
    )
    if controller.done() is not Done.BUDGET:
        _score(plan, run, prepared, controller, scalars, progress)
    _write_tables(plan, run, journal.records(), ended=True)
    _check_some_complete(journal.records())


def _score(
    plan: SearchPlan,
    run: RunFolder,
    prepared: Prepared,
    controller: Controller,
    scalars: SearchScalars | None,
    progress: Progress,
) -> None:
    """Run the trials, with the tables and TensorBoard following them."""
    config = plan.base.config
    remove_unfinished_tables(run.path)
    tables = TableRefresh(partial(_write_tables, plan, run, ended=False), controller.records(), progress.note)

    def follow(rows: list[Row]) -> None:
        tables.add(rows)
        for row in rows:
            if scalars is not None:
                scalars.add(row)
            progress.record(TrialEnded(row))

    parts = scorer_parts(plan, run, prepared, progress)
    try:
        run_trials(
            controller,
            parts,
            Scorer,
            workers=config.search.workers,
            nodes=_nodes(config),
            progress=progress,
            on_results=follow,
        )
    except BaseException:
        tables.write()  # they say why candidates failed
        raise


def _nodes(config: Config) -> Nodes:
    search = config.search
    return Nodes(search.address, Demand(**search.resources.model_dump()), config.scoring.timeout)


def _write_tables(plan: SearchPlan, run: RunFolder, rows: list[Row], *, ended: bool) -> None:
    x, y = plan.axes
    rows = _with_all_costs(rows, plan.cost_table)
    planned = plan.base.config.search.trials
    named = {plan.space.canonical(candidate).id: label for label, candidate in plan.uniform.items()}
    modelled: list[Row] = rows
    effects: list[AccuracyEffects] = []
    if ended:  # the model of 3,000 trials takes seconds, for which a search at work must not wait
        model = ModelTables(plan.space, plan.cost_table.costs, plan.base.config.search.objectives, saved=x)
        modelled, effects = model.of(rows)
    results.write_run_tables(
        run.path, modelled, x=x, y=y, references=named, effects=effects, planned=planned, ended=ended
    )


def _with_all_costs(rows: list[Row], table: CostTable) -> list[Row]:
    """The rows with the costs that records lack which were scored before there were such costs."""
    names = table.least().keys()
    return [row if row["state"] == "failed" or names <= row.keys() else _with_costs(row, table) for row in rows]


def _with_costs(row: Row, table: CostTable) -> Row:
    candidate = Candidate({name: cast(Value, value) for name, value in row.items() if is_knob(name)})
    return {**row, **{name: value for name, value in table.costs(candidate).items() if name not in row}}


def _check_some_complete(rows: list[Row]) -> None:
    if rows and all(row["state"] == "failed" for row in rows):
        raise RunError(
            f"All {len(rows)} candidates failed, the first with: {str(rows[0]['reason']).rstrip('.')}. "
            f"{ALL_REASONS} Remove the cause, then start again in another folder (--run-dir), or with more "
            "search.trials: what has failed is not tried again."
        )
