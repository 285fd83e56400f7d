"""Which pictures a command line names, and where drawn copies of them go."""

import os
from pathlib import Path

import pytest

from search.errors import RunError
from search.stages.pictures import Named, drawn_places, find_pictures


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a.jpg", "in/b.PNG", "in/deep/a.jpg", "in/.hidden.jpg", "in/notes.txt", "in/phone.HEIC", "odd[1].jpg"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()


def paths(*given, without=None):
    return [str(named.path) for named in find_pictures(given, without)]


def test_files_folders_and_patterns_name_pictures_in_the_order_given():
    assert paths("in", "a.jpg") == ["in/b.PNG", "in/phone.HEIC", "in/deep/a.jpg", "a.jpg"]
    assert paths("*.jpg") == ["a.jpg", "odd[1].jpg"]
    assert paths("**/a.jpg") == ["a.jpg", "in/deep/a.jpg"]
    assert paths("i*") == paths("in") == paths("in/")
    assert paths("in/notes.txt") == ["in/notes.txt"]


def test_a_file_is_taken_as_it_is_called_although_it_is_a_pattern_too():
    assert paths("odd[1].jpg") == ["odd[1].jpg"]


def test_each_file_is_taken_once(tmp_path):
    assert paths("a.jpg", "in", str(tmp_path / "a.jpg"), "in/deep/a.jpg", "*.jpg") == [
        *("a.jpg", "in/b.PNG", "in/phone.HEIC", "in/deep/a.jpg", "odd[1].jpg")
    ]


def test_a_folder_of_drawn_pictures_is_left_out_and_a_broken_link_stays():
    assert paths("in", without=Path("in/deep")) == ["in/b.PNG", "in/phone.HEIC"]
    Path("in/link.jpg").symlink_to("nowhere")
    os.mkfifo("in/pipe.jpg")
    assert paths("in", without=Path("in/deep")) == ["in/b.PNG", "in/link.jpg", "in/phone.HEIC"]


def test_what_a_pattern_finds_among_drawn_pictures_is_left_out_and_a_file_that_is_named_is_not():
    assert paths("**/*.jpg", without=Path("in/deep")) == ["a.jpg", "odd[1].jpg"]
    assert paths("in/*", without=Path("in/deep")) == ["in/b.PNG", "in/notes.txt", "in/phone.HEIC"]
    assert paths("in/deep/a.jpg", without=Path("in/deep")) == ["in/deep/a.jpg"]
    with pytest.raises(RunError, match=r"no file fits it as a pattern\. The folder in for drawn copies is left out\."):
        find_pictures(["in/**/*.jpg"], Path("in"))


def test_a_name_that_leads_to_nothing_is_refused():
    with pytest.raises(RunError, match=r"There is no picture b\*: no file or folder has that name, and no file fits"):
        find_pictures(["a.jpg", "b*"])
    Path("empty").mkdir()
    with pytest.raises(RunError, match=r"There is no picture in empty: no file there, .* ends with \.jpg, \.jpeg, "):
        find_pictures(["empty"])


def test_drawn_pictures_keep_their_names_and_none_is_written_over_another():
    def drawn(*places):
        named = [Named(Path("somewhere"), Path(place)) for place in places]
        return [str(place) for place in drawn_places(named, Path("out"))]

    assert drawn("a.jpg", "deep/a.jpg") == ["out/a.jpg", "out/deep/a.jpg"]
    assert drawn("a.jpg", "A.jpg", "a.jpg", "a.2.jpg") == ["out/a.jpg", "out/A.2.jpg", "out/a.3.jpg", "out/a.2.2.jpg"]
    assert drawn("a", "a") == ["out/a", "out/a.2"]


def test_files_of_two_folders_and_of_a_folder_keep_their_place_below_what_was_given():
    places = [str(named.place) for named in find_pictures(["a.jpg", "in/deep/a.jpg", "in"])]
    assert places == ["a.jpg", "a.jpg", "b.PNG", "phone.HEIC"]
