"""Small instances files in COCO's layout, for the tests of their reader and of its parts."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

CATEGORIES = [{"id": 18, "name": "dog"}, {"id": 3, "name": "car"}]


def complete(entries: Any, defaults: Callable[[Any], dict[str, Any]]) -> list[Any]:
    """Each mapping with the keys that it lacks; its id is its number, 1, 2, ..., unless it has one."""
    return [
        defaults(entry.get("id", number)) | entry if isinstance(entry, dict) else entry
        for number, entry in enumerate(entries, start=1)
    ]


def image(number: Any) -> dict[str, Any]:
    return {"id": number, "file_name": f"{number}.jpg", "width": 8, "height": 6}


def annotation(number: Any) -> dict[str, Any]:
    """A dog, in the image of the same number."""
    return {"id": number, "image_id": number, "bbox": [1, 2, 3.5, 4], "category_id": 18}


@pytest.fixture(scope="session")
def coco_content() -> Callable[..., dict[str, Any]]:
    """Makes the content of an instances file: three images, 1, 2 and 3, of 8 x 6 pixels with a dog each.

    All three lists may be given; the keys that an image or an annotation lacks are those of `image` and `annotation`.
    """

    def content(images: Any = ({},) * 3, annotations: Any = ({},) * 3, categories: Any = CATEGORIES) -> dict[str, Any]:
        return {
            "categories": categories,
            "images": complete(images, image),
            "annotations": complete(annotations, annotation),
        }

    return content


@pytest.fixture
def write_coco(tmp_path: Path, coco_content: Callable[..., dict[str, Any]]) -> Callable[..., Path]:
    """Writes train's file, as `coco_content` makes it, with empty images beside it: the reader never opens one."""

    def write(**changes: Any) -> Path:
        (tmp_path / "annotations").mkdir(exist_ok=True)
        (tmp_path / "train").mkdir(exist_ok=True)
        for number in (1, 2, 3):
            (tmp_path / "train" / f"{number}.jpg").touch()
        (tmp_path / "annotations" / "instances_train.json").write_text(json.dumps(coco_content(**changes)))
        return tmp_path

    return write
