"""Only one format's layouts fit a data set, so that its format can be found out from the names of its files."""

from collections import defaultdict

import pytest

from trainers.data.formats import FORMATS

NAMED = {name: form for name, form in FORMATS.items() if form.generate is None}

VOC_FOLDER = ("Annotations/a.xml", "JPEGImages/a.jpg")
VISDRONE_LINE = "1,2,3,4,1,4,0,0\n"
YAML = "path: /home/me/pets\ntrain: {train}\nval: {val}\nnames: [cat, dog]\n"
CVAT_YAML = "names:\n  0: cat\npath: .\ntrain: train.txt\n"

EXAMPLES = {
    "voc as unpacked": (
        "voc",
        *(f"VOCdevkit/VOC2007/{name}" for name in VOC_FOLDER),
        "VOCdevkit/VOC2007/ImageSets/Main/train.txt=a",
        "VOCdevkit/VOC2007/ImageSets/Main/cat_train.txt=a 1",
        "VOCdevkit/VOC2007/SegmentationClass/a.png",
    ),
    "voc: VOCdevkit": (
        "voc",
        *(f"VOC2007/{name}" for name in VOC_FOLDER),
        "VOC2007/ImageSets/Main/train.txt=a",
    ),
    "voc: VOC2007": ("voc", *VOC_FOLDER, "ImageSets/Main/train.txt=a"),
    "voc from CVAT": ("voc", *VOC_FOLDER, "ImageSets/Main/default.txt=a", "labelmap.txt=# label:color_rgb:parts"),
    "voc without lists": ("voc", *VOC_FOLDER),
    "voc: images/<set>": ("voc", "annotations/train/a.xml", "images/train/a.jpg", "annotations/val/b.xml"),
    "voc: <set>/images": ("voc", "train/annotations/a.xml", "train/images/a.jpg"),
    "voc from Roboflow": ("voc", "train/a.jpg", "train/a.xml", "valid/b.jpg", "valid/b.xml", "README.roboflow.txt=x"),
    "coco as unpacked": ("coco", "annotations/instances_train2017.json", "train2017/a.jpg", "val2017/b.jpg"),
    "coco: images/<split>": ("coco", "annotations/instances_train.json", "images/train/a.jpg"),
    "coco: images": ("coco", "annotations/instances_default.json", "images/a.jpg"),
    "coco: train.json": ("coco", "annotations/train.json", "train/a.jpg"),
    "coco: train.json, images": ("coco", "annotations/train.json", "images/a.jpg"),
    "coco from Roboflow": ("coco", "train/_annotations.coco.json", "train/a.jpg", "valid/_annotations.coco.json"),
    "visdrone as unpacked": (
        "visdrone",
        f"VisDrone2019-DET-train/annotations/a.txt={VISDRONE_LINE}",
        "VisDrone2019-DET-train/images/a.jpg",
        "VisDrone2019-DET-test-challenge/images/b.jpg",
    ),
    "visdrone, short names": ("visdrone", f"train/annotations/a.txt={VISDRONE_LINE}", "train/images/a.jpg"),
    "visdrone: images/<set>": ("visdrone", f"annotations/val/a.txt={VISDRONE_LINE}", "images/val/a.jpg"),
    "yolo with a YAML": (
        "yolo",
        f"data.yaml={YAML.format(train='images/train', val='images/val')}",
        "images/train/a.jpg",
        "labels/train/a.txt",
    ),
    "yolo: only a YAML": ("yolo", f"pets.yaml={YAML.format(train='train', val='val')}"),
    "yolo: images/<set>": ("yolo", "images/train2017/a.jpg", "labels/train2017/a.txt", "LICENSE", "README.txt=Pets."),
    "yolo: <set>/images": ("yolo", "train/images/a.jpg", "train/labels/a.txt", "valid/images/b.jpg"),
    "yolo from Roboflow": (
        "yolo",
        f"data.yaml={YAML.format(train='../train/images', val='../valid/images')}",
        "train/images/a.jpg",
        "train/labels/a.txt",
        "README.roboflow.txt=x",
    ),
    "yolo from CVAT": ("yolo", f"data.yaml={CVAT_YAML}", "train.txt=data/images/train/a.jpg", "labels/train/a.txt"),
    "yolo from Label Studio": ("yolo", "images/a.jpg", "labels/a.txt", "classes.txt=cat", "notes.json={}"),
    "yolo from labelImg": ("yolo", "a.jpg", "a.txt", "classes.txt=cat"),
    "yolo of darknet": ("yolo", "obj.names=cat", "obj.data=x", "train.txt=data/obj/a.jpg", "obj/a.jpg", "obj/a.txt"),
}
"""By name the format, and files with their text: all else is empty, since no layout reads an annotation."""


def fitting(root):
    """The titles of the layouts that have image sets, by format."""
    found = defaultdict(set)
    for name, form in NAMED.items():
        for layout in form.layouts:
            if layout.sets(root):
                found[name].add(layout.title)
    return dict(found)


@pytest.fixture
def example(tmp_path):
    def write(number, files):
        root = tmp_path / str(number)
        for file in files:
            name, _, text = file.partition("=")
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        return root

    return write


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_layouts_of_its_own_format_fit_alone(example, name):
    own, *files = EXAMPLES[name]
    assert fitting(example(0, files)).keys() == {own}


def test_every_layout_has_an_example(example):
    shown = defaultdict(set)
    for number, (_, *files) in enumerate(EXAMPLES.values()):
        for name, titles in fitting(example(number, files)).items():
            shown[name] |= titles
    assert dict(shown) == {name: {layout.title for layout in form.layouts} for name, form in NAMED.items()}


def test_nothing_fits_other_folders(example, tmp_path):
    others = {
        "nothing": [],
        "pictures": ["a.jpg", "b/c.png"],
        "pets": ["annotations/list.txt=a 1 1 1", "annotations/xmls/a.xml", "images/a.jpg"],
        "a python project": ["train/a.py", "labels.txt=cat", "data.yaml=stages: {}", "config.yaml=train: {lr: 1}"],
    }
    for name, files in others.items():
        assert fitting(example(name, files)) == {}, name
    assert fitting(tmp_path / "missing") == {}
    (tmp_path / "file").touch()
    assert fitting(tmp_path / "file") == {}


@pytest.mark.parametrize("form", NAMED)
def test_the_tiny_data_of_each_format_are_its_own(tiny_data, tmp_path, form):
    assert fitting(tiny_data(form, tmp_path)).keys() == {form}
