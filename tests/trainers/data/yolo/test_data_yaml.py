"""The YAML of a YOLO data set: what it says, and what it can't say."""

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from trainers.data.errors import DataError
from trainers.data.formats import data_format
from trainers.data.yolo.data_yaml import find_data_yaml, read_data_yaml


@pytest.fixture
def described(tmp_path):
    def read(text):
        (tmp_path / "data.yaml").write_text(text, encoding="utf-8")
        return read_data_yaml(tmp_path / "data.yaml")

    return read


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("names: [cat, dog]", ("cat", "dog")),
        ("names:\n  0: cat\n  1: dog", ("cat", "dog")),
        ("names: {1: dog, 0: cat}", ("cat", "dog")),
        ("names: {'0': cat, '1': dog}", ("cat", "dog")),
        ("names: {10: k, 2: c, 1: b, 0: a, 3: d, 4: e, 5: f, 6: g, 7: h, 8: i, 9: j}", tuple("abcdefghijk")),
        ("nc: 2\nnames: ['0', 1]", ("0", "1")),
        ("names: [Katze, 狗]", ("Katze", "狗")),
        ("nc: 2", ()),
    ],
)
def test_names_are_a_list_or_a_mapping_from_ids(described, text, names):
    assert described(f"train: images/train\n{text}").names == names


def test_a_yaml_may_be_utf_16(tmp_path):
    (tmp_path / "data.yaml").write_text("train: a\nnames: [cat, dög]\n", encoding="utf-16")
    assert find_data_yaml(tmp_path) == tmp_path / "data.yaml"
    assert read_data_yaml(tmp_path / "data.yaml").names == ("cat", "dög")


def test_sets_have_one_place_or_several(described):
    found = described("path: ../x\ntrain: [a, b.txt]\nvalidation: c\ntest:\nnames: [cat]\nkpt_shape: [17, 3]\n")
    assert found.places == {"train": ("a", "b.txt"), "val": ("c",)}
    assert (found.base, found.keypoints) == ("../x", 51)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("train: [a\nnames: x", "broken YAML in line 2, column 6: "),
        ("train: !!python/object/apply:os.system [ls]", "broken YAML in line 1, column 8: could not determine"),
        ("train: \x07", "broken YAML: "),
        ("train: 2026-13-45", "broken YAML: month must be in 1..12"),
        ("- train: x", r"the data YAML is \[\{'train': 'x'\}\], must have keys: train, val, names"),
        ("train:\nval: []", "names no image set: it has neither train, val nor test"),
        ("train: {a: b}", r"its train is \{'a': 'b'\}, must be a folder, a list of image paths, or some"),
        ("train: [a, 3]", r"its train is \['a', 3\], must be a folder"),
        ('train: "a\\0"', r"its train is 'a\\x00', must be a folder"),
        ("path: 3\ntrain: a", "its path is 3, must be a folder"),
        ("train: a\nnames: cat", "its names are 'cat', must be a list of class names"),
        ("train: a\nnames: []", r"its names are \[\], must be a list of class names"),
        ("train: a\nnames: {1: cat}", r"the ids of its names are \[1\], must be 0, 1, 2, "),
        ("train: a\nnames: [yes, no]", "one of its names is True, must be a class name; YAML reads yes, no, on and"),
        ("train: a\nnames: [cat, [dog]]", r"one of its names is \['dog'\], must be a class name\."),
        ("train: a\nnames: [cat, '']", r"one of its names is '', must be a class name\."),
        ("train: a\nnames: [cat, dog, cat]", "its names have 'cat' twice"),
        ("train: a\nnc: 3\nnames: [cat, dog]", "its nc is 3, but it has 2 names"),
        ("train: a\nnames: [cat]\nkpt_shape: 17", "its kpt_shape is 17, must be two whole numbers"),
    ],
)
def test_what_can_not_be_is_refused_with_the_way_out(described, tmp_path, text, message):
    with pytest.raises(DataError, match=message) as caught:
        described(text)
    assert caught.value.where == tmp_path / "data.yaml"
    assert str(caught.value).endswith(". Correct the YAML.")


def test_a_yaml_is_found_by_its_name_or_by_its_keys(tmp_path):
    assert find_data_yaml(tmp_path) is None
    (tmp_path / "docker-compose.yaml").write_text("services: {}\n")
    (tmp_path / "model.yaml").write_text("model:\n  train: a\n  names: [cat]\n")
    (tmp_path / "._pets.yaml").write_text("train: a\nnames: [cat]\n")
    assert find_data_yaml(tmp_path) is None
    (tmp_path / "pets.yml").write_text("{train: a, 'names': [cat]}\n")
    assert find_data_yaml(tmp_path) == tmp_path / "pets.yml"
    (tmp_path / "other.yaml").write_text("train: a\nnames: [cat]\n")
    assert find_data_yaml(tmp_path) is None  # which of the two can't be known
    (tmp_path / "dataset.yaml").write_text("train: a\nnc: 1\n")
    assert find_data_yaml(tmp_path) == tmp_path / "dataset.yaml"
    (tmp_path / "data.yaml").write_text("stages: {}\n")  # another program's
    assert find_data_yaml(tmp_path) == tmp_path / "dataset.yaml"


def test_a_broken_yaml_is_named_by_whoever_reads_the_data(tmp_path):
    (tmp_path / "data.yaml").write_text("train: images/train\nnames: [cat\n")
    latin = tmp_path / "latin"
    latin.mkdir()
    (latin / "data.yaml").write_text("train: images/train\nnames: [Käfer]\n", encoding="latin-1")
    with pytest.raises(DataError, match=r"the data YAML can't be read \('utf-8' codec"):
        data_format("yolo").image_sets(latin).class_names("train")
    sets = data_format("yolo").image_sets(tmp_path)
    assert sets.names() == ["train"]
    for ask in (sets.read, sets.images, sets.class_names):
        with pytest.raises(DataError, match=r"data\.yaml: broken YAML in line 3"):
            ask("train")


VALUE = st.none() | st.booleans() | st.integers(-1, 3) | st.text(max_size=5) | st.dates() | st.just("a" * 5000)
PLACE = st.text("./\\\\a:~imges", max_size=8) | st.sampled_from(
    ["images", "../images", "/images", "C:images", "list.txt"]
)
CONTENT = st.fixed_dictionaries(
    {"train": PLACE | st.lists(PLACE | VALUE, max_size=2) | VALUE, "names": st.lists(VALUE, max_size=3) | VALUE},
    optional={
        "path": PLACE | VALUE,
        "val": PLACE | VALUE,
        "nc": VALUE,
        "kpt_shape": VALUE | st.lists(VALUE, max_size=2),
    },
)


@pytest.fixture(scope="module")
def small_root(tmp_path_factory):
    root = tmp_path_factory.mktemp("root")
    (root / "images").mkdir()
    (root / "list.txt").write_text("images/a.jpg\n")
    return root


@settings(max_examples=50)
@given(CONTENT.map(lambda content: yaml.safe_dump(content, allow_unicode=True)) | st.text(max_size=60))
def test_text_of_any_kind_is_read_or_refused_and_no_place_leads_outside(small_root, text):
    path = small_root / "data.yaml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    sets = {name: parts for layout in data_format("yolo").layouts for name, parts in layout.sets(small_root).items()}
    for part in (part for parts in sets.values() for part in parts):
        for place in (part.annotations, part.images):
            assert place.is_relative_to(small_root)
            assert ".." not in place.parts
    try:
        read = read_data_yaml(path)
    except DataError:
        return
    assert all(isinstance(name, str) and name for name in read.names)
    assert read.places
