"""Each mistake in a config is one problem, with its key, its kind and the value that came in."""

import pytest
import yaml

from search.config import Kind, config_text, load_config
from search.config.problems import Problem

SCHEMA = {
    "serch: {}": ("serch", Kind.NO_SUCH_KEY, None),
    "trials: 3": ("trials", Kind.NO_SUCH_KEY, None),
    "search: {trails: 3}": ("search.trails", Kind.NO_SUCH_KEY, None),
    "teachers: {big: {epoch: 3}}": ("teachers.big.epoch", Kind.NO_SUCH_KEY, None),
    "space: {terms: {feature_hint: {teacher: [twin]}}}": ("space.terms.feature_hint.teacher", Kind.NO_SUCH_KEY, None),
    "search: {enqueue: [{layers: sign, terms: {feature_hint: {teachers: big}}}]}": (
        "search.enqueue.0.terms.feature_hint.teachers (entry 1 of the list)",
        Kind.NO_SUCH_KEY,
        None,
    ),
    "search: {enqueue: [{layers: sign}, {layer: sign}]}": (
        "search.enqueue.1.layer (entry 2 of the list)",
        Kind.NO_SUCH_KEY,
        None,
    ),
    "data: {image_size: 96}": ("data.format", Kind.MISSING, None),
    "search: {trials: 0}": ("search.trials", Kind.NOT_ALLOWED, 0),
    "search: {trials: 3.5}": ("search.trials", Kind.WRONG_TYPE, 3.5),
    "search: {workers: many}": ("search.workers", Kind.WRONG_TYPE, "many"),
    "search: {resources: {cpu: 0}}": ("search.resources.cpu", Kind.NOT_ALLOWED, 0),
    "search: {resources: {gpu: 1.5}}": ("search.resources.gpu", Kind.NOT_ALLOWED, 1.5),
    "search: {resources: {gpu: .inf}}": ("search.resources.gpu", Kind.NOT_ALLOWED, float("inf")),
    "search: {resources: {memory_gb: -1}}": ("search.resources.memory_gb", Kind.NOT_ALLOWED, -1),
    "search: {resources: {gpus: 1}}": ("search.resources.gpus", Kind.NO_SUCH_KEY, None),
    "search: {objectives: []}": ("search.objectives", Kind.NOT_ALLOWED, []),
    "search: {constraints: {ops: 0}}": ("search.constraints.ops", Kind.NOT_ALLOWED, 0),
    "space: {granularity: net}": ("space.granularity", Kind.NOT_ALLOWED, "net"),
    "space: {terms: {feature_hint: {weight: [3, 1]}}}": ("space.terms.feature_hint.weight", Kind.NOT_ALLOWED, [3, 1]),
    "space: {terms: {feature_hint: {weight: [0, 1]}}}": (
        "space.terms.feature_hint.weight.0 (entry 1 of the list)",
        Kind.NOT_ALLOWED,
        0,
    ),
    "supernet: 3": ("supernet", Kind.WRONG_TYPE, 3),
    "supernet: {batch_size: 1}": ("supernet.batch_size", Kind.NOT_ALLOWED, 1),
    "supernet: {learning_rate: true}": ("supernet.learning_rate", Kind.NOT_ALLOWED, True),
    "supernet: {learning_rate: -.inf}": ("supernet.learning_rate", Kind.NOT_ALLOWED, float("-inf")),
    "name: ../a": ("name", Kind.NOT_ALLOWED, "../a"),
    "train: {silence_decay: {decai: 1}}": ("train.silence_decay.decai", Kind.NO_SUCH_KEY, None),
    "train: {silence_decay: {threshold: 1}}": ("train.silence_decay.threshold", Kind.NOT_ALLOWED, 1),
    "train: {latent_learning_rate: 0}": ("train.latent_learning_rate", Kind.NOT_ALLOWED, 0),
    "train: {start: twn}": ("train.start", Kind.NOT_ALLOWED, "twn"),
    "supernet: {validate_every: 2}": ("supernet.validate_every", Kind.NO_SUCH_KEY, None),
    "data: {format: shapes, train_images: 1.5}": ("data.train_images", Kind.NOT_ALLOWED, 1.5),
    "data: {format: vco}": ("data.format", Kind.NOT_ALLOWED, "vco"),
}
CHECKS = {
    "search: {sampler: tpo}": ("search.sampler", Kind.UNKNOWN, "tpo"),
    "search: {objectives: [map]}": ("search.objectives", Kind.UNKNOWN, "map"),
    "search: {objectives: [ops, ops]}": ("search.objectives", Kind.REPEATED, ["ops"]),
    "search: {objectives: [ap, ops]}": ("search.objectives", Kind.CONFLICT, "ap"),
    "search: {constraints: {opps: 3}}": ("search.constraints", Kind.UNKNOWN, "opps"),
    "retrain: {pick: best}": ("retrain.pick", Kind.NOT_ALLOWED, "best"),
    "student: {detector: ssd_resnet19}": ("student.detector", Kind.UNKNOWN, "ssd_resnet19"),
    "student: {detector: ssdlite_mobilenetv2, heads: full}": ("student.heads", Kind.CONFLICT, "full"),
    "student: {detector: ssd_resnet18, heads: full}\nteachers: {big: {detector: ssdlite_mobilenetv2}}": (
        "teachers.big.heads",
        Kind.CONFLICT,
        "full",
    ),
    "student: {detector: ssdlite_mobilenetv2, heads: full}\nteachers: {wide: {width: 2}}": (
        "student.heads",
        Kind.CONFLICT,
        "full",
    ),
    "data: {format: shapes, image_size: 64}": ("data.image_size", Kind.CONFLICT, 64),
    "data: {format: shapes, resize: crop}": ("data.resize", Kind.NOT_ALLOWED, "crop"),
    "data: {format: shapes, augment: {flip: 2}}": ("data.augment.flip", Kind.NOT_ALLOWED, 2.0),
    "data: {format: shapes, augment: {scale_jitter: [2, 1]}}": ("data.augment.scale_jitter", Kind.NOT_ALLOWED, [2, 1]),
    "data: {format: shapes, augment: {scale_jitter: 2}}": ("data.augment.scale_jitter", Kind.NOT_ALLOWED, 2),
    "data: {format: shapes, longest: 200}": ("data.longest", Kind.CONFLICT, 200),
    "data: {format: shapes, resize: shortest_edge, longest: 200}": ("data.resize", Kind.CONFLICT, "shortest_edge"),
    "student: {detector: gfl_resnet18}\ndata: {format: shapes, resize: shortest_edge}": (
        "data.longest",
        Kind.CONFLICT,
        None,
    ),
    "student: {detector: gfl_resnet18}\ndata: {format: shapes, resize: shortest_edge, longest: 159}": (
        "data.longest",
        Kind.CONFLICT,
        159,
    ),
    "student: {detector: gfl_resnet18}\ndata: {format: shapes, resize: shortest_edge, longest: 1400}": (
        "data.longest",
        Kind.CONFLICT,
        1400,
    ),
    "data: {format: shapes, classes: [a, a]}": ("data.classes", Kind.REPEATED, ["a"]),
    "data: {format: shapes, train: val}": ("data.val", Kind.CONFLICT, "val"),
    "data: {format: shapes, download: true}": ("data.download", Kind.CONFLICT, True),
    "data: {format: visdrone, classes: [car]}": ("data.classes", Kind.CONFLICT, ["car"]),
    "teachers: {big: {}}\ndata: {format: shapes, image_size: 90}": ("data.image_size", Kind.CONFLICT, 90),
    "space: {layers: {methods: [real, sing]}}": ("space.layers.methods", Kind.UNKNOWN, "sing"),
    "space: {layers: {methods: [real, dbs+sharp]}}": ("space.layers.methods", Kind.NOT_ALLOWED, "dbs+sharp"),
    "train: {layers: {'': sign}}": ("train.layers", Kind.NOT_ALLOWED, ""),
    "space: {terms: {hint: {}}}": ("space.terms.hint", Kind.UNKNOWN, "hint"),
    "space: {terms: {feature_hint: {teachers: [big]}}}": ("space.terms.feature_hint.teachers", Kind.UNKNOWN, "big"),
    "space: {terms: {feature_hint: {teachers: [none]}}}": ("space.terms.feature_hint.teachers", Kind.NO_EFFECT, None),
    "space: {terms: {feature_hint: {weight: [1.1, 1.2]}}}": (
        "space.terms.feature_hint.weight",
        Kind.NOT_ALLOWED,
        [1.1, 1.2],
    ),
    "space: {terms: {angular: {teachers: [none, big]}}}": ("space.terms.angular.teachers", Kind.UNKNOWN, "big"),
    "space: {terms: {angular: {teachers: [none, ensemble]}}}": (
        "space.terms.angular.teachers",
        Kind.CONFLICT,
        "ensemble",
    ),
    "teachers: {big: {width: 2}}\nspace: {terms: {angular: {teachers: [none, twin, big]}}}": (
        "space.terms.angular.teachers",
        Kind.CONFLICT,
        "big",
    ),
    "space: {layers: {methods: [real, int8]}, terms: {angular: {}}}": ("space.terms.angular", Kind.NO_EFFECT, None),
    "space: {layers: {methods: [real], open: {heads: [real, sign]}}, terms: {amplitude: {}}}": (
        "space.terms.amplitude",
        Kind.NO_EFFECT,
        None,
    ),
    "teachers: {ensemble: {}}": ("teachers.ensemble", Kind.NOT_ALLOWED, "ensemble"),
    "teachers: {twin: {width: 2}}": ("teachers.twin.width", Kind.CONFLICT, 2.0),
    "teachers: {twin: {width: 2}}\nspace: {terms: {angular: {}}}": ("teachers.twin.width", Kind.CONFLICT, 2.0),
    "teachers: {twin: {detector: ssd_resnet81}}": ("teachers.twin.detector", Kind.CONFLICT, "ssd_resnet81"),
    "teachers: {big: {detector: ssd_resnet81}}": ("teachers.big.detector", Kind.UNKNOWN, "ssd_resnet81"),
    "teachers: {big: {detector: ssd_resnet81}}\nspace: {terms: {angular: {teachers: [big]}}}": (
        "teachers.big.detector",
        Kind.UNKNOWN,
        "ssd_resnet81",
    ),
    "teachers: {big: {weights: gone.safetensors}}": ("teachers.big.weights", Kind.NO_FILE, "gone.safetensors"),
    "teachers: {big: {weights: imagenet, width: 2}}": ("teachers.big.weights", Kind.CONFLICT, "imagenet"),
    "teachers: {big: {}}\nspace: {terms: {hint: {teachers: [none, twin, ensemble]}}}": (
        "space.terms.hint",
        Kind.UNKNOWN,
        "hint",
    ),
    "teachers: {big: {}}\nensemble: {members: [bg]}\nspace: {terms: {feature_hint: {teachers: [ensemble]}}}": (
        "ensemble.members",
        Kind.UNKNOWN,
        "bg",
    ),
    "space: {terms: {feature_hint: {teachers: [ensemble]}}}": ("ensemble.members", Kind.CONFLICT, []),
    "train: {terms: {feature_hint: {teacher: none}}}": ("train.terms.feature_hint.teacher", Kind.NO_EFFECT, "none"),
    "teachers: {big: {}, wide: {width: 2}}\ntrain: {terms: {angular: {teacher: ensemble}}}": (
        "train.terms.angular.teacher",
        Kind.CONFLICT,
        "ensemble",
    ),
    "scoring: {adapt_steps: 0}\nspace: {terms: {feature_hint: {}, fgfi: {}}}": (
        "scoring.adapt_steps",
        Kind.CONFLICT,
        0,
    ),
    "train: {momentum: 0.5}": ("train.momentum", Kind.NO_EFFECT, 0.5),
    "supernet: {schedule: steps}": ("supernet.schedule", Kind.CONFLICT, "steps"),
    "retrain: {milestones: [8]}": ("retrain.milestones", Kind.NO_EFFECT, [8.0]),
    "retrain: {gamma: 0.5}": ("retrain.gamma", Kind.NO_EFFECT, 0.5),
    "teachers: {twin: {schedule: steps, milestones: [8, 30]}}": (
        "teachers.twin.milestones",
        Kind.NOT_ALLOWED,
        [8.0, 30.0],
    ),
    "train: {warm_up_epochs: 61}": ("train.warm_up_epochs", Kind.NOT_ALLOWED, 61.0),
    "train: {patience: 3}": ("train.patience", Kind.NO_EFFECT, 3),
    "train: {validate_every: 3}\ndata: {format: shapes, val: null}": ("train.validate_every", Kind.CONFLICT, 3),
    "supernet: {search_losses: {angular: 10}}": ("supernet.search_losses", Kind.NO_EFFECT, None),
    "supernet: {search_losses: {fgfi: 1}}": ("supernet.search_losses.fgfi", Kind.CONFLICT, "fgfi"),
    "supernet: {search_losses: {angulr: 10}}": ("supernet.search_losses.angulr", Kind.UNKNOWN, "angulr"),
}


@pytest.fixture
def file_with(least, written):
    """A file with the least config, and some lines instead of or beside its own."""
    return lambda lines: written(yaml.safe_dump(yaml.safe_load(least) | yaml.safe_load(lines), sort_keys=False))


@pytest.mark.parametrize("lines", [*SCHEMA, *CHECKS])
def test_a_mistake_is_one_problem_and_no_other_check_reports_it_again(lines, file_with, problems):
    assert problems(file_with(lines)) == [{**SCHEMA, **CHECKS}[lines]]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("serch: {}\nstudnt: {}", [("serch", Kind.NO_SUCH_KEY, None), ("studnt", Kind.NO_SUCH_KEY, None)]),
        (
            "search: {trials: 0, wrkers: 2}",
            [("search.trials", Kind.NOT_ALLOWED, 0), ("search.wrkers", Kind.NO_SUCH_KEY, None)],
        ),
        (
            "space: {layers: {methods: [real, sing, sing]}}",
            [("space.layers.methods", Kind.UNKNOWN, "sing"), ("space.layers.methods", Kind.REPEATED, ["sing"])],
        ),
        (
            "search: {sampler: tpo}\ntrain: {layers: sing}",
            [("search.sampler", Kind.UNKNOWN, "tpo"), ("train.layers", Kind.UNKNOWN, "sing")],
        ),
    ],
)
def test_all_mistakes_are_reported_at_once(lines, expected, file_with, problems):
    assert problems(file_with(lines)) == expected


def test_problems_of_all_sections_come_in_one_order(file_with, problems):
    mistakes = """
        data: {format: shapes, image_size: 64, download: true, test: train}
        student: {detector: ssd_resnet18, weights: gone.pth}
        teachers: {twin: {width: 2}, none: {}, wide: {width: 2}}
        ensemble: {members: [big]}
        space:
          layers: {methods: [real, sign, sign]}
          terms: {angular: {teachers: [wide, big, ensemble]}, hint: {}}
        supernet: {search_losses: {angular: 10}}
        scoring: {adapt_steps: 0}
        search: {sampler: tpo, objectives: [map], constraints: {opps: 3}, enqueue: [{layers: lcb}]}
        retrain: {pick: best}
        train: {layers: sing, terms: {angular: {teacher: wide}}}
    """
    assert [key for key, _, _ in problems(file_with(mistakes))] == [
        "data.image_size",
        "data.download",
        "data.test",
        "student.weights",
        "teachers.twin.width",
        "teachers.none",
        "ensemble.members",
        "space.layers.methods",
        "supernet.search_losses",
        *3 * ["space.terms.angular.teachers"],
        "space.terms.hint",
        "scoring.adapt_steps",
        "search.sampler",
        "search.objectives",
        "search.constraints",
        "retrain.pick",
        "train.layers",
        "train.terms.angular.teacher",
    ]


def test_what_is_missing_because_it_was_misspelt_is_reported_once(least, written, problems):
    assert problems(written(least.replace("student", "stuent"))) == [("stuent", Kind.NO_SUCH_KEY, None)]
    assert problems(written("name: a")) == [("data", Kind.MISSING, None), ("student", Kind.MISSING, None)]


def test_a_misspelt_method_is_not_a_term_without_effect(least, written, problems):
    wrong = "space: {layers: {methods: [real, sing]}, terms: {angular: {}}}\n"
    assert problems(written(least + wrong)) == [("space.layers.methods", Kind.UNKNOWN, "sing")]
    opened = "space: {layers: {methods: [real], open: {heads: [real, sign]}}, terms: {angular: {}}}\n"
    assert list(load_config(written(least + opened)).space.terms) == ["angular"]


@pytest.mark.parametrize("methods", ["[real, dbs]", "[real, dbs+hard]"])
def test_losses_of_searched_signs_are_right_where_signs_are_searched(methods, least, written):
    losses = "supernet.search_losses={angular: 10}"
    assert load_config(written(least), [losses, f"space.layers.methods={methods}"]).supernet.search_losses
    opened = load_config(written(least), [losses, f"space.layers.open={{heads: {methods}}}"])
    assert opened.supernet.search_losses == {"angular": 10.0}


def test_the_default_losses_of_searched_signs_are_right_in_a_run_that_searches_none(least, written):
    config = load_config(written(least))
    assert config.supernet.search_losses == {"angular": 100.0, "amplitude": 1.0}
    assert load_config(written(config_text(config))) == config


def test_a_problem_of_the_whole_config_has_no_key():
    assert str(Problem("seed", Kind.NOT_ALLOWED, "is -1.", -1)) == "seed: is -1."
    assert str(Problem("", Kind.WRONG_TYPE, "is 3.", 3)) == "the config: is 3."
