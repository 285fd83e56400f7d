"""Small data sets in the layouts that people have on their disks, with one coloured rectangle in each image."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from trainers.data.decoded import Decoded

WIDTH, HEIGHT = 64, 48
CLASSES = ("cat", "dog")  # cats are red, dogs are green; VisDrone's cars and buses, too
SETS = {"train": 8, "val": 4, "test": 4}


@dataclass(frozen=True)
class Scene:
    """An image with one object: its name, its class 0 or 1, and its box as corners x1, y1, x2, y2."""

    name: str
    label: int
    box: tuple[int, int, int, int]

    def save(self, folder: Path, suffix: str = ".jpg") -> None:
        """Noise with the rectangle in it; no two scenes of different names are equal."""
        folder.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng([*self.name.encode()]).integers(0, 60, (HEIGHT, WIDTH, 3), dtype=np.uint8)
        x1, y1, x2, y2 = self.box
        pixels[y1:y2, x1:x2] = 0
        pixels[y1:y2, x1:x2, self.label] = 230
        Image.fromarray(pixels).save(folder / f"{self.name}{suffix}", quality=95)


def scenes(name: str, count: int) -> list[Scene]:
    """Cats and dogs in turn, in rectangles of 24 x 20 pixels that move to the right."""
    return [Scene(f"{name}_{n}", n % 2, (4 + n, 8, 28 + n, 28)) for n in range(count)]


def xml_of(scene: Scene) -> str:
    """As LabelImg writes it."""
    x1, y1, x2, y2 = scene.box
    return (
        f"<annotation><folder>images</folder><filename>{scene.name}.jpg</filename><size><width>{WIDTH}</width>"
        f"<height>{HEIGHT}</height><depth>3</depth></size><object><name>{CLASSES[scene.label]}</name>"
        f"<pose>Unspecified</pose><truncated>0</truncated><difficult>0</difficult><bndbox><xmin>{x1 + 1}</xmin>"
        f"<ymin>{y1 + 1}</ymin><xmax>{x2}</xmax><ymax>{y2}</ymax></bndbox></object></annotation>"
    )


def instances_of(chosen: Sequence[Scene], grouping: bool = False) -> dict[str, Any]:
    """COCO's file of a set. grouping: with a category 0 that groups the others, as Roboflow writes it."""
    group = [{"id": 0, "name": "pets", "supercategory": "none"}] if grouping else []
    above = "pets" if grouping else "animal"
    rows = [(n, scene, scene.box) for n, scene in enumerate(chosen, start=1)]
    return {
        "info": {},
        "licenses": [],
        "categories": [*group, *({"id": k, "name": c, "supercategory": above} for k, c in enumerate(CLASSES, start=1))],
        "images": [{"id": n, "file_name": f"{s.name}.jpg", "width": WIDTH, "height": HEIGHT} for n, s, _ in rows],
        "annotations": [
            {"id": n, "image_id": n, "category_id": s.label + 1, "bbox": [x1, y1, x2 - x1, y2 - y1], "iscrowd": 0}
            for n, s, (x1, y1, x2, y2) in rows
        ],
    }


def label_of(scene: Scene) -> str:
    """YOLO's line: class, centre and size, as shares of the image."""
    x1, y1, x2, y2 = scene.box
    return f"{scene.label} {(x1 + x2) / 2 / WIDTH} {(y1 + y2) / 2 / HEIGHT} {(x2 - x1) / WIDTH} {(y2 - y1) / HEIGHT}\n"


def write(path: Path, content: str | dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))


def voc_folder(base: Path, lists: Mapping[str, Sequence[Scene]]) -> None:
    """Annotations, ImageSets and JPEGImages."""
    for name, chosen in lists.items():
        write(base / "ImageSets" / "Main" / f"{name}.txt", "".join(f"{scene.name}\n" for scene in chosen))
        for scene in chosen:
            write(base / "Annotations" / f"{scene.name}.xml", xml_of(scene))
            scene.save(base / "JPEGImages")


def voc2007(root: Path) -> None:
    """As unpacked: with lists of one class, trainval, and lists and masks for segmentation."""
    base, sets = root / "VOCdevkit" / "VOC2007", {name: scenes(name, count) for name, count in SETS.items()}
    voc_folder(base, sets)
    (base / "SegmentationClass").mkdir()
    for name, chosen in {**sets, "trainval": [*sets["train"], *sets["val"]]}.items():
        write(base / "ImageSets" / "Main" / f"{name}.txt", "".join(f"{scene.name}\n" for scene in chosen))
        write(base / "ImageSets" / "Segmentation" / f"{name}.txt", f"{chosen[0].name}\n")
        for label, one in enumerate(CLASSES):
            flags = "".join(f"{scene.name} {' 1' if scene.label == label else '-1'}\n" for scene in chosen)
            write(base / "ImageSets" / "Main" / f"{one}_{name}.txt", flags)


def voc_flat(root: Path) -> None:
    voc_folder(root, {name: scenes(name, count) for name, count in SETS.items()})


def voc_roboflow(root: Path) -> None:
    write(root / "README.roboflow.txt", "mine - v1\n")
    for folder, count in zip(("train", "valid", "test"), SETS.values(), strict=True):
        for scene in scenes(folder, count):
            write(root / folder / f"{scene.name}.xml", xml_of(scene))
            scene.save(root / folder)


def voc_cvat(root: Path) -> None:
    """CVAT's "Pascal VOC 1.1": one list, default.txt."""
    voc_folder(root, {"default": scenes("img", 24)})
    write(root / "labelmap.txt", "# label:color_rgb:parts:actions\nbackground:0,0,0::\ncat:1,0,0::\ndog:2,0,0::\n")


def voc_named(root: Path) -> None:
    for name, count in SETS.items():
        for scene in scenes(name, count):
            write(root / "xml" / name / f"{scene.name}.xml", xml_of(scene))
            scene.save(root / "photos")


def coco2017(root: Path) -> None:
    """As unpacked: two annotated sets, files of other tasks, and test images without annotations."""
    for split, count in (("train2017", 16), ("val2017", 4)):
        chosen = scenes(split, count)
        write(root / "annotations" / f"instances_{split}.json", instances_of(chosen))
        write(root / "annotations" / f"captions_{split}.json", {"images": [], "annotations": []})
        write(root / "annotations" / f"person_keypoints_{split}.json", instances_of(chosen[:1]))
        for scene in chosen:
            scene.save(root / split)
    scenes("test2017", 1)[0].save(root / "test2017")


def coco_images(root: Path) -> None:
    for split, count in SETS.items():
        write(root / "annotations" / f"instances_{split}.json", instances_of(scenes(split, count)))
        for scene in scenes(split, count):
            scene.save(root / "images" / split)


def coco_roboflow(root: Path) -> None:
    for folder, count in zip(("train", "valid", "test"), SETS.values(), strict=True):
        write(root / folder / "_annotations.coco.json", instances_of(scenes(folder, count), grouping=True))
        for scene in scenes(folder, count):
            scene.save(root / folder)


def coco_named(root: Path) -> None:
    for name, count in SETS.items():
        write(root / "labels" / f"part_{name}.json", instances_of(scenes(name, count)))
        for scene in scenes(name, count):
            scene.save(root / "photos")


def yolo_roboflow(root: Path) -> None:
    write(
        root / "data.yaml",
        "train: ../train/images\nval: ../valid/images\ntest: ../test/images\n\nnc: 2\nnames: ['cat', 'dog']\n",
    )
    for folder, count in zip(("train", "valid", "test"), SETS.values(), strict=True):
        for scene in scenes(folder, count):
            write(root / folder / "labels" / f"{scene.name}.txt", label_of(scene))
            scene.save(root / folder / "images")


def yolo_folders(root: Path) -> None:
    """images/<set> and labels/<set>, with a YAML in which `path` is a folder on another machine."""
    sets = "".join(f"{name}: images/{name}\n" for name in SETS)
    write(root / "mine.yaml", f"path: /home/somebody/datasets/mine\n{sets}names:\n  0: cat\n  1: dog\n")
    for name, count in SETS.items():
        for scene in scenes(name, count):
            write(root / "labels" / name / f"{scene.name}.txt", label_of(scene))
            scene.save(root / "images" / name)


def visdrone(root: Path, prefix: str = "VisDrone2019-DET-") -> None:
    for split, count in {"train": 8, "val": 4, "test-dev": 4}.items():
        for scene in scenes(split, count):
            x1, y1, x2, y2 = scene.box
            line = f"{x1},{y1},{x2 - x1},{y2 - y1},1,{(4, 9)[scene.label]},0,0\n"
            write(root / f"{prefix}{split}" / "annotations" / f"{scene.name}.txt", line)
            scene.save(root / f"{prefix}{split}" / "images")


def visdrone_short(root: Path) -> None:
    visdrone(root, prefix="")


@dataclass(frozen=True)
class Case:
    """A data set: what writes it, which folder below is the root, its format, and the keys of a config's `data`."""

    write: Callable[[Path], None]
    format: str
    below: str = "."
    keys: Mapping[str, Any] = field(default_factory=dict)

    @property
    def data(self) -> dict[str, Any]:
        classes = {"classes": list(CLASSES)} if self.format == "voc" else {}
        return {"format": self.format, "image_size": 96, **classes, **self.keys}


NAMED_XML = {"annotations": {name: f"xml/{name}" for name in SETS}, "images": dict.fromkeys(SETS, "photos")}
NAMED_JSON = {
    "annotations": {name: f"labels/part_{name}.json" for name in SETS},
    "images": dict.fromkeys(SETS, "photos"),
}
CASES = {
    "VOC2007, the folder with VOCdevkit": Case(voc2007, "voc"),
    "VOC2007, VOCdevkit": Case(voc2007, "voc", "VOCdevkit"),
    "VOC2007 itself": Case(voc2007, "voc", "VOCdevkit/VOC2007"),
    "VOC's folders alone": Case(voc_flat, "voc"),
    "VOC of Roboflow": Case(voc_roboflow, "voc", keys={"val": "valid"}),
    "VOC of CVAT": Case(voc_cvat, "voc", keys={"train": "default", "hold_out": {"val": 0.25, "test": 0.25}}),
    "VOC, named": Case(voc_named, "voc", keys=NAMED_XML),
    "COCO 2017": Case(
        coco2017, "coco", keys={"train": "train2017", "val": "held", "test": "val2017", "hold_out": {"held": 0.25}}
    ),
    "COCO in images": Case(coco_images, "coco"),
    "COCO of Roboflow": Case(coco_roboflow, "coco", keys={"val": "valid"}),
    "COCO, named": Case(coco_named, "coco", keys=NAMED_JSON),
    "YOLO of Roboflow": Case(yolo_roboflow, "yolo"),
    "YOLO by kind": Case(yolo_folders, "yolo"),
    "VisDrone": Case(visdrone, "visdrone", keys={"test": "test-dev"}),
    "VisDrone with short names": Case(visdrone_short, "visdrone", keys={"test": "test-dev"}),
}


def assert_boxes_lie_on_their_objects(images: Decoded) -> None:
    """Each image has one box. In it, but for a border of two pixels, its class's colour is strong; outside nowhere."""
    for k in range(len(images)):
        [label], [box] = images.target(k)["labels"], images.target(k)["boxes"]
        colour = {"cat": 0, "car": 0, "dog": 1, "bus": 1}[images.class_names[label - 1]]
        x1, y1, x2, y2 = np.round(box).astype(int)
        outside = images.images[k, colour].copy()
        outside[max(0, y1 - 2) : y2 + 2, max(0, x1 - 2) : x2 + 2] = 0
        assert images.images[k, colour, y1 + 2 : y2 - 2, x1 + 2 : x2 - 2].min() > 180
        assert outside.max() < 120
