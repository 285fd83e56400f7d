"""The data format of docs/how-to/extending.md, as it stands there."""

import re
from pathlib import Path

import pytest
from PIL import Image

from trainers.data.errors import DataError
from trainers.data.formats import FORMATS, data_format

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "extending.md"


@pytest.fixture
def csv_format():
    snippets = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    [code] = [snippet for snippet in snippets if 'FORMATS["csv"]' in snippet]
    exec(code, {})  # noqa: S102 - the project's own page
    yield data_format("csv")
    del FORMATS["csv"]


@pytest.fixture
def root(tmp_path):
    for name in ("a.png", "b.png"):
        Image.new("RGB", (40, 30)).save(tmp_path / name)
    (tmp_path / "train.csv").write_text("a.png,1,2,11,22,bus\na.png,0,0,5,5,car\nb.png,3,4,13,14,car\n")
    (tmp_path / "val.csv").write_text("b.png,3,4,13,14,tram\n")
    return tmp_path


def test_the_pages_format_reads_a_split(csv_format, root):
    assert csv_format.splits(root) == ["train", "val"]
    assert csv_format.places(root, "train") == {"a.png": root / "a.png", "b.png": root / "b.png"}
    data = csv_format.read(root, "train")
    first, second = data.samples
    assert (first.image_id, first.width, first.height) == ("a.png", 40, 30)
    assert first.boxes.tolist() == [[1, 2, 11, 22], [0, 0, 5, 5]]
    assert first.labels.tolist() == [2, 1]  # classes are car and bus
    assert second.labels.tolist() == [1]


def test_the_pages_format_refuses_a_missing_split_and_an_unknown_class(csv_format, root):
    with pytest.raises(DataError, match=r"Name one of these splits: train, val"):
        csv_format.read(root, "test")
    with pytest.raises(DataError, match=r"b\.png has the unknown class tram"):
        csv_format.read(root, "val")
    assert csv_format.read(root, "val", class_names=("tram",)).samples[0].labels.tolist() == [1]
