import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainers.data.disjoint import SharedImage, shared_images


def images(folder, **contents):
    """Files with these contents, by name."""
    folder.mkdir()
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return {name: folder / name for name in contents}


def test_equal_bytes_under_another_name_are_one_image(tmp_path):
    train = images(tmp_path / "train", a=b"cat", b=b"dog")
    test = images(tmp_path / "test", x=b"cow", y=b"cat")
    assert shared_images({"train": train, "test": test}) == [
        SharedImage("train", "test", ("a", "y"), (train["a"], test["y"]))
    ]


def test_the_same_name_with_other_bytes_is_another_image(tmp_path):
    assert not shared_images({"train": images(tmp_path / "1", a=b"cat"), "val": images(tmp_path / "2", a=b"dog")})


@pytest.mark.parametrize("link", [os.link, os.symlink])
def test_links_to_a_file_are_that_file(tmp_path, link):
    train = images(tmp_path / "train", a=b"cat")
    link(train["a"], tmp_path / "b")
    (shared,) = shared_images({"train": train, "val": {"b": tmp_path / "b"}})
    assert shared.ids == ("a", "b")


def test_the_same_file_of_two_sets_is_shared_and_a_missing_one_is_not(tmp_path):
    train = images(tmp_path / "train", a=b"cat") | {"gone": tmp_path / "gone"}
    assert [one.ids for one in shared_images({"train": train, "val": train})] == [("a", "a")]


def test_what_is_no_file_is_never_read(tmp_path):
    train, val = images(tmp_path / "train", a=b"", b=b"cat"), {"pipe": tmp_path / "pipe", "device": tmp_path / "device"}
    os.mkfifo(val["pipe"])
    val["device"].symlink_to("/dev/zero")
    val["empty"] = tmp_path / "empty"
    val["empty"].touch()
    assert shared_images({"train": train, "val": val}) == []


def test_files_of_different_sizes_are_not_read(tmp_path, monkeypatch):
    train, val = images(tmp_path / "1", a=b"cat", b=b"ox"), images(tmp_path / "2", c=b"dog", d=b"horse")
    read = []
    monkeypatch.setattr("trainers.data.disjoint.digest_of", lambda path: read.append(path.name) or path.read_text())
    assert not shared_images({"train": train, "val": val})
    assert read == ["a", "c"]


def test_every_image_of_the_earlier_set_is_listed_with_the_first_equal_one_of_each_later_set(tmp_path):
    train = images(tmp_path / "train", a=b"cat", b=b"dog", c=b"cat")
    val = images(tmp_path / "val", v=b"cat")
    test = images(tmp_path / "test", x=b"cat", y=b"cat")
    found = shared_images({"train": train, "val": val, "test": test})
    assert [(one.one, one.other, *one.ids) for one in found] == [
        ("train", "val", "a", "v"),
        ("train", "val", "c", "v"),
        ("train", "test", "a", "x"),
        ("train", "test", "c", "x"),
        ("val", "test", "v", "x"),
    ]


@settings(max_examples=50)
@given(st.lists(st.lists(st.sampled_from([b"a", b"b", b"cc", b"dd", b""]), max_size=4), min_size=2, max_size=3))
def test_pairs_of_sets_share_what_a_comparison_of_all_bytes_finds(tmp_path_factory, contents):
    folder = tmp_path_factory.mktemp("sets")
    sets: dict[str, dict[str, Path]] = {
        str(k): images(folder / str(k), **{f"i{n}": content for n, content in enumerate(one)})
        for k, one in enumerate(contents)
    }
    expected = {
        (str(j), str(k), f"i{n}", content)
        for k in range(len(contents))
        for j in range(k)
        for n, content in enumerate(contents[j])
        if content and content in contents[k]
    }
    found = [(one.one, one.other, one.ids[0], one.files[1].read_bytes()) for one in shared_images(sets)]
    assert set(found) == expected
    assert len(found) == len(expected)
