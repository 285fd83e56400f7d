"""The table of data formats: what each entry says, and that reading passes it on."""

import subprocess
import sys
from pathlib import Path

import pytest

from trainers.data.coco.classes import COCO_CLASSES
from trainers.data.formats import FORMATS, data_format
from trainers.data.shapes.writer import SHAPE_CLASSES
from trainers.data.visdrone.reader import VISDRONE_CLASSES
from trainers.data.voc.reader import VOC_CLASSES
from trainers.evaluate.figures import RULES

TINY = ("voc", "coco", "visdrone", "yolo")


def test_what_is_known_of_each_format_before_anything_is_read():
    facts = {name: (form.rule, form.learns_difficult, form.classes.fixed) for name, form in FORMATS.items()}
    assert facts == {
        "voc": ("voc", True, False),
        "coco": ("coco", False, False),
        "visdrone": ("visdrone", False, True),
        "yolo": ("coco", False, False),
        "shapes": ("voc", True, False),
    }
    assert [name for name, form in FORMATS.items() if form.download is not None] == ["voc"]
    assert [name for name, form in FORMATS.items() if form.generate is not None] == ["shapes"]
    assert [FORMATS[name].variable for name in TINY] == [f"BITFRONT_{name.upper()}_ROOT" for name in TINY]


def test_every_format_is_measured_by_a_rule_of_the_table():
    assert {form.rule for form in FORMATS.values()} <= set(RULES)


@pytest.mark.parametrize("name", TINY)
def test_what_is_read_has_the_rule_and_the_flags_of_its_format(name, tiny_data, tmp_path):
    sets = FORMATS[name].image_sets(tiny_data(name, tmp_path))
    data = sets.read("train", class_names=("cat", "dog") if name == "voc" else None)
    assert (len(data.samples), data.rule) == (8, "coco" if name == "yolo" else name)
    assert data.learns_difficult == (name == "voc")


def test_own_classes_are_the_benchmarks_or_those_that_the_files_list(tiny_data, tmp_path):
    own = {name: form.classes.own for name, form in FORMATS.items()}
    of_benchmarks = {"voc": VOC_CLASSES, "coco": COCO_CLASSES, "visdrone": VISDRONE_CLASSES, "yolo": COCO_CLASSES}
    assert own == of_benchmarks | {"shapes": SHAPE_CLASSES}
    for name in ("coco", "yolo"):
        assert FORMATS[name].image_sets(tiny_data(name, tmp_path / name)).class_names("train") == ("cat", "dog")
    assert FORMATS["voc"].image_sets(tmp_path).class_names("train") == VOC_CLASSES


def test_generated_shapes_are_read_with_their_own_classes(tmp_path):
    form = data_format("shapes", "2012")  # shapes have no years
    form.generate(tmp_path / "data", sizes={"train": 2}, image_size=64, seed=0)
    data = form.image_sets(tmp_path / "data").read("train")
    assert (len(data.samples), data.class_names, data.rule) == (2, SHAPE_CLASSES, "voc")


def test_a_year_is_that_of_vocs_folders(tiny_data, tmp_path):
    root = tiny_data("voc", tmp_path)
    (root / "VOCdevkit" / "VOC2007").rename(root / "VOCdevkit" / "VOC2012")
    assert data_format("voc", "2012").image_sets(root).names() == ["test", "train", "val"]
    assert list(data_format("voc", "2012").image_sets(root).images("val")) == ["val_0", "val_1", "val_2", "val_3"]
    assert len(data_format("voc", "2012").image_sets(root).read("val", class_names=("cat", "dog")).samples) == 4
    assert data_format("coco", "2012") is FORMATS["coco"]


def test_the_table_is_imported_without_torch():
    """A config is checked against it, and the command line lists its names."""
    code = "import sys, trainers.data.formats; print(sorted(sys.modules.keys() & {'torch', 'torchvision', 'pandas'}))"
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout == "[]\n"
