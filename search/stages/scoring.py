"""What a run's candidates are scored with: the settings, and the parts that a scorer is built from. Needs no Ray."""

from collections.abc import Mapping
from dataclasses import replace

from search.plan.plan import SearchPlan
from search.run.folder import RunFolder
from search.stages.prepare import Prepared
from search.stages.settings import role_rates
from search.stages.teacher_outputs import teacher_outputs
from spaces.detectors import searchable_units
from spaces.supernet import build_supernet
from spaces.without_values import without_values
from trainers.data.decoded import Decoded
from trainers.distill.teacher_cache import KnownOutputs
from trainers.progress import Progress
from trainers.scoring.parts import ScorerParts, ScoreSettings, pack, seen_by
from trainers.seeding import seeded


def scorer_parts(plan: SearchPlan, run: RunFolder, prepared: Prepared, progress: Progress) -> ScorerParts:
    """What every worker gets, once."""
    settings = score_settings(plan)
    train = seen_by(settings, prepared.train)
    adapts = settings.steps[-1] > 0
    known = teacher_outputs(plan.base, run, prepared.teachers, train, progress) if adapts else {}
    return _packed(plan, prepared, settings, train, known)


def score_settings(plan: SearchPlan) -> ScoreSettings:
    """How candidates are adapted and measured, at every rung."""
    config = plan.base.config
    scoring, supernet = config.scoring, config.supernet
    first, *higher = scoring.steps
    rates = role_rates(supernet)
    return ScoreSettings(
        adapt_steps=first,
        higher_rungs=tuple(higher),
        adapt_learning_rate=scoring.adapt_learning_rate,
        rates={role: rate / supernet.learning_rate for role, rate in rates.items()},
        latent_units=_latent_units(plan) if "latent" in rates else (),
        precision=scoring.precision,
        batch_size=scoring.batch_size,
        recalibrate_images=scoring.recalibrate_images,
        seed=seeded(config.seed, "scoring"),
        device=config.device,
    )


def _latent_units(plan: SearchPlan) -> tuple[str, ...]:
    """The units with a latent weight in the supernet, which its training gave the rate of these."""
    with without_values():
        supernet = build_supernet(plan.base.student, plan.choices, plan.base.config.supernet.weights)
    return tuple(name for name, unit in searchable_units(supernet).items() if "latent" in unit.parameter_groups())


def live_scorer_parts(plan: SearchPlan, prepared: Prepared, adaptation_seed: int) -> ScorerParts:
    """As `scorer_parts`, with other images to adapt on and in another order, and teachers that run in every score.

    adaptation_seed: 0 is that of the run's own scores.
    """
    settings = score_settings(plan)
    if adaptation_seed:
        settings = replace(settings, seed=seeded(plan.base.config.seed, "scoring", adaptation_seed))
    return _packed(plan, prepared, settings, seen_by(settings, prepared.train), {})


def _packed(
    plan: SearchPlan,
    prepared: Prepared,
    settings: ScoreSettings,
    train: Decoded,
    known: Mapping[str, KnownOutputs],
) -> ScorerParts:
    return pack(
        spec=plan.base.student,
        settings=settings,
        supernet=prepared.state.supernet,
        distiller=prepared.state.distiller,
        terms={term: list(names) for term, names in plan.base.terms.items()},
        ensemble=plan.base.ensemble,
        teachers=prepared.teachers,
        train=train,
        val=prepared.val,
        known=known,
    )
