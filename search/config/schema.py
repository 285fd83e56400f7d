"""The shape of a config: every key with its type, bounds and default."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_serializer

from search.config.augment import Augment
from search.config.pretrain import ClassifierTeacher, Pretrain
from search.config.recipe import Recipe, ValidatedRecipe
from search.config.scoring import Scoring
from search.config.section import Section
from search.config.values import (
    NULL_LIST,
    NULL_MAPPING,
    BatchSize,
    Cores,
    Count,
    Decay,
    Format,
    GpuPart,
    MethodByModule,
    Methods,
    Name,
    NotNegative,
    Part,
    Positive,
    Precision,
    Share,
    Year,
)
from spaces.candidate import NO_TEACHER
from spaces.lookup import nearest
from trainers.file_format import is_own_classifier, is_own_file

TWIN = "twin"
SCRATCH = "scratch"
FIXED_STARTS = (TWIN, SCRATCH)
"""What a training may start from besides a trained detector's file."""
ALL = "all"
"""What `space.layers.open` calls all that it doesn't name otherwise."""


class Shapes(Section):
    """How many images of each set are generated, and how large."""

    train: Count = 600
    val: Count = 200
    test: Count = 200
    image_size: Annotated[int, Field(strict=True, ge=32)] = 128


class Data(Section):
    format: Format
    root: str | None = None
    download: bool = False
    train: str = "train"
    val: str | None = "val"  # null: nothing is scored or measured before the test images
    test: str = "test"
    year: Year = "2007"  # in the folder VOC<year>, or years as in 2007+2012
    image_size: Count = 160  # the side of the square that images are resized to; of shortest_edge the shorter side
    resize: Literal["squash", "letterbox", "shortest_edge"] = "squash"  # how a picture's shape comes to the detector's
    longest: Count | None = None  # of shortest_edge: the most pixels of the longer side
    augment: Annotated[Augment, NULL_MAPPING] = Augment()
    train_images: Part | None = None
    val_images: Count | None = None
    train_on_difficult: bool = True  # false: VOC's difficult objects count as background
    on_bad_data: Literal["error", "skip"] = "error"
    memory_limit_mb: Positive = 4096.0  # of one image set
    beyond_memory: Literal["cache", "files"] = "cache"  # where larger sets are read from
    cache: str | None = None  # the folder of their resized images; null: the run's
    loader_workers: NotNegative | None = None  # the processes that read them ahead; null: by the cores
    classes: tuple[str, ...] | None = None
    annotations: Annotated[dict[str, str], NULL_MAPPING] = {}  # by image set, where no layout fits
    images: Annotated[dict[str, str], NULL_MAPPING] = {}
    hold_out: Annotated[dict[str, Share], NULL_MAPPING] = {}  # sets that are parts of `train`, by name
    follow_links: bool = False  # true: links in the data may lead outside its folder, as into a download cache
    shapes: Shapes = Shapes()


class Student(Section):
    detector: str
    width: Positive = 1.0
    heads: Literal["light", "full"] = "light"
    weights: str | None = None  # a file or name of published weights, from which the twin starts


class Teacher(ValidatedRecipe):
    """A real-valued detector. A key left null takes the student's value."""

    detector: str | None = None
    width: Positive | None = None
    heads: Literal["light", "full"] | None = None
    epochs: Count = 30
    batch_size: BatchSize = 16
    accumulate: Count = 1  # parts of a batch that go through one after another
    learning_rate: Positive = 2.0e-3
    ema: Decay = None
    precision: Precision = "float32"
    weights: str | None = None

    @property
    def is_given(self) -> bool:
        """Whether the weights are a trained detector of ours. Other weights only start the teacher's training."""
        file = None if self.weights is None else Path(self.weights)
        return file is not None and is_own_file(file) and not is_own_classifier(file)


class Layers(Section):
    methods: Methods = ("real", "int8", "int4", "sign+input_norm", "react+input_norm")
    keep_real: Annotated[tuple[str, ...], NULL_LIST] = ()
    # by part or group, as in heads.cls, or for `all`: the methods of layers that are real otherwise
    open: Annotated[dict[str, Methods], NULL_MAPPING] = {ALL: ("real", "int8", "int4")}
    open_by: Literal["group", "layer"] = "group"  # a knob for each group of them, or for each of them


class Term(Section):
    """Which teachers may teach a distillation term, and the range of its weight."""

    teachers: Annotated[tuple[str, ...], Field(min_length=1)] = (NO_TEACHER, TWIN)
    weight: tuple[Positive, Positive] = (0.1, 10.0)  # a term's own range replaces it: see term_weights

    @field_validator("weight", mode="before")
    @classmethod
    def _pair(cls, weight: object) -> object:
        if not isinstance(weight, list | tuple) or len(weight) != 2:
            raise ValueError("must be two numbers, [lowest, highest]")
        return weight

    @field_validator("weight")
    @classmethod
    def _rising(cls, weight: tuple[float, float]) -> tuple[float, float]:
        if weight[0] > weight[1]:
            raise ValueError("must be [lowest, highest]")
        return weight


class Ensemble(Section):
    """How the teacher `ensemble` combines its members. Without members: all of the pool and the twin."""

    mode: Literal["sum_losses", "random_teacher", "average_features", "average_responses"] = "sum_losses"
    members: Annotated[tuple[str, ...] | None, Field(min_length=1)] = None


class Space(Section):
    granularity: Literal["layer", "block", "stage"] = "block"
    layers: Layers = Layers()
    terms: Annotated[dict[str, Term], NULL_MAPPING] = {}


class Training(Section):
    """How trainings of teachers, supernets and detectors are spread over processes."""

    workers: Count = 1  # processes that share each batch; 1: no Ray
    batch_norm: Literal["synchronised", "per_process"] = "synchronised"  # statistics of whole batches or of each part


class Supernet(Recipe):
    rule: str = "single_path"  # what a step trains: a name in trainers.training.rules.table
    sampling: Literal["uniform", "log_cost"] = "uniform"  # of candidates: by knobs, or evenly over log bit_ops
    weights: Literal["shared", "by_kind"] = "shared"  # by_kind: 1-bit methods have a latent weight of their own
    epochs: Count = 20
    batch_size: BatchSize = 16
    accumulate: Count = 1  # parts of a batch that go through one after another
    learning_rate: Positive = 2.0e-3
    ema: Decay = None
    precision: Precision = "float32"
    logit_learning_rate: Positive = 2.0e-2  # for the logits of searched signs (dbs)
    discriminator_learning_rate: Positive = 1.0e-3  # for the discriminators of adversarial terms
    inputs_first_epochs: NotNegative = 0  # with binary inputs and real weights, before `epochs`
    # weights of the losses that train `dbs` layers, whenever one is sampled
    search_losses: Annotated[dict[str, Positive], NULL_MAPPING] = {"angular": 100.0, "amplitude": 1.0}


class TrainTerm(Section):
    """The teacher of a distillation term, and its weight."""

    teacher: str = TWIN
    weight: Positive = 1.0


class Enqueued(Section):
    """A candidate to try before those of the sampler: its layers and its terms."""

    layers: MethodByModule  # one method for all layers, or one by module, prefix of modules or group
    terms: Annotated[dict[str, TrainTerm], NULL_MAPPING] = {}


class Resources(Section):
    """What each worker gets of a node; null follows from the nodes and the number of workers."""

    cpu: Cores | None = None
    gpu: GpuPart | None = None
    memory_gb: Positive | None = None


class Sampler(Section):
    """What proposes candidates: a name or an import path alone, or with arguments."""

    name: str
    arguments: Annotated[dict[str, Any], NULL_MAPPING] = {}

    @model_serializer
    def _short(self) -> str | dict[str, Any]:
        return {"name": self.name, "arguments": self.arguments} if self.arguments else self.name


def _sampler(value: object) -> object:
    if isinstance(value, str):
        return {"name": value}
    if isinstance(value, Sampler) or (isinstance(value, dict) and nearest("name", list(map(str, value))) is not None):
        return value  # a misspelt key has a message of its own
    raise ValueError("must be a name, or a mapping such as {name: tpe, arguments: {n_ei_candidates: 48}}")


class Search(Section):
    trials: Count = 200  # in the whole run, failed ones included
    workers: Count = 1
    sampler: Annotated[Sampler, BeforeValidator(_sampler)] = Sampler(name="structured")
    objectives: Annotated[tuple[str, ...], Field(min_length=1)] = ("map50", "bit_ops")
    constraints: Annotated[dict[str, Positive], NULL_MAPPING] = {}
    latency_table: str | None = None  # a file of `bitfront latency`, which latency_ms comes from
    enqueue: Annotated[tuple[Enqueued, ...], NULL_LIST] = ()
    storage: str | None = None
    address: str | None = None
    resources: Annotated[Resources, NULL_MAPPING] = Resources()


class Retrain(ValidatedRecipe):
    pick: str | None = "knee"
    real: bool = False  # whether a search's end trains the all-real candidate alike: it takes as long again
    epochs: Count = 60
    batch_size: BatchSize = 16
    accumulate: Count = 1  # parts of a batch that go through one after another
    learning_rate: Positive = 2.0e-3
    ema: Decay = None
    precision: Precision = "float32"
    logit_learning_rate: Positive = 2.0e-2
    discriminator_learning_rate: Positive = 1.0e-3
    inputs_first_epochs: NotNegative = 0  # with binary inputs and real weights, before `epochs` with binary weights too


def _start(value: object) -> object:
    """A word alone is no file: it would be reported only after the images were looked for."""
    is_path = isinstance(value, str) and ("." in value or "/" in value)
    if value not in FIXED_STARTS and not is_path:
        raise ValueError(
            "must be twin, scratch, or the file of a detector that Bitfront trained, such as int2.safetensors"
        )
    return value


class Train(ValidatedRecipe):
    """One network, trained without a search by `bitfront train`."""

    layers: MethodByModule = "bireal"  # one method for all layers, or one per module
    terms: Annotated[dict[str, TrainTerm], NULL_MAPPING] = {}
    start: Annotated[str, BeforeValidator(_start)] = TWIN  # or scratch, or a trained detector's file
    epochs: Count = 60
    batch_size: BatchSize = 16
    accumulate: Count = 1  # parts of a batch that go through one after another
    learning_rate: Positive = 2.0e-3
    ema: Decay = None
    precision: Precision = "float32"
    logit_learning_rate: Positive = 2.0e-2
    discriminator_learning_rate: Positive = 1.0e-3
    inputs_first_epochs: NotNegative = 0


TrainingConfig = Teacher | Supernet | Retrain | Train | Pretrain | ClassifierTeacher
"""A section with epochs, batch size and learning rates."""


class Config(Section):
    """A whole config. The teachers always include `twin`, the student's real-valued twin."""

    name: Name
    seed: Annotated[int, Field(strict=True, ge=0)] = 0
    device: Literal["auto", "cpu", "cuda"] = "auto"
    tensorboard: bool = True
    data: Data
    student: Student
    teachers: Annotated[dict[Name, Teacher], NULL_MAPPING, Field(validate_default=True)] = {}
    ensemble: Annotated[Ensemble, NULL_MAPPING] = Ensemble()
    space: Space = Space()
    training: Training = Training()
    supernet: Supernet = Supernet()
    scoring: Scoring = Scoring()
    search: Search = Search()
    retrain: Retrain = Retrain()
    train: Train = Train()
    pretrain: Pretrain = Pretrain()

    @field_validator("teachers")
    @classmethod
    def _with_twin(cls, teachers: dict[str, Teacher]) -> dict[str, Teacher]:
        return {TWIN: teachers.get(TWIN, Teacher()), **{k: v for k, v in teachers.items() if k != TWIN}}
