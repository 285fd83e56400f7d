"""What a line of a list names."""

import pytest

from trainers.data.errors import DataError
from trainers.data.layout import SetFiles
from trainers.data.voc.lists import ListedImage, is_of_one_class, listed_image, listed_lines
from trainers.data.voc.stems import Stems


@pytest.fixture
def listed(tmp_path):
    """What a line of VOC2007/ImageSets/Main/train.txt names, where the given annotations are there."""

    def read(line, *annotations):
        folder = tmp_path / "VOC2007"
        for name in annotations or ("a.xml",):
            (folder / "Annotations" / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / "Annotations" / name).touch()
        ids = folder / "ImageSets" / "Main" / "train.txt"
        part = SetFiles(tmp_path, folder / "Annotations", folder / "JPEGImages", ids)
        return listed_image(line, part, Stems(part.annotations, ".xml"))

    return read


@pytest.mark.parametrize(
    ("line", "file_name"),
    [
        ("a", None),
        ("a.xml", None),
        ("a.jpg", "a.jpg"),
        ("a.JPG", "a.JPG"),
        ("a.webp", "a.webp"),
        ("./a", None),
        ("JPEGImages/a.jpg", "a.jpg"),
        ("./JPEGImages/a.jpg", "a.jpg"),
        ("Annotations/a.xml", None),
        ("VOC2007/JPEGImages/a.jpg", "a.jpg"),
        (r"VOC2007\JPEGImages\a.jpg", "a.jpg"),
        (r".\JPEGImages\a", None),
        ("JPEGImages/a.jpg Annotations/a.xml", "a.jpg"),
        ("./JPEGImages/a.png\t./Annotations/a.xml", "a.png"),
        (r"VOC2007\JPEGImages\a.jpg   VOC2007\Annotations\a.XML", "a.jpg"),
    ],
)
def test_an_id_may_have_an_ending_a_folder_or_both_files(listed, line, file_name):
    assert listed(line) == ListedImage("a", file_name)


@pytest.mark.parametrize(
    ("line", "annotation", "image_id"),
    [
        ("a.b", "a.b.xml", "a.b"),
        ("a.b.jpg", "a.b.xml", "a.b"),
        ("a.jpg", "a.jpg.xml", "a.jpg"),
        ("2008_000001", "2008_000001.xml", "2008_000001"),
        ("my photo 1.jpg", "my photo 1.xml", "my photo 1"),
        ("JPEGImages/my photo.jpg Annotations/my photo.xml", "my photo.xml", "my photo"),
        ("图片 1", "图片 1.xml", "图片 1"),
        ("sub/a.jpg", "sub/a.xml", "sub/a"),
        ("JPEGImages/sub/a.jpg", "sub/a.xml", "sub/a"),
        (r"sub\a", "sub/a.xml", "sub/a"),
        ("JPEGImages/a.jpg", "JPEGImages/a.xml", "JPEGImages/a"),
        ("a.v2", "other.xml", "a.v2"),
    ],
)
def test_the_first_meaning_that_has_an_annotation_is_taken(listed, line, annotation, image_id):
    assert listed(line, annotation).image_id == image_id


@pytest.mark.parametrize("line", ["VOC2012/JPEGImages/a.jpg", "images/a.jpg", "VOCdevkit/JPEGImages/a.jpg"])
def test_an_image_in_another_folder_is_not_the_one_of_that_name_here(listed, line):
    assert listed(line).image_id == line.removesuffix(".jpg")


@pytest.mark.parametrize(
    "line", ["../a", r"..\a", "/etc/a", "C:a", r"C:\a.jpg", "sub/../../a", "/x/a.jpg /x/a.xml", "a.jpg ../a.xml", "a\0"]
)
def test_a_line_that_leads_outside_is_refused(listed, line):
    with pytest.raises(DataError, match=r"train\.txt: lists '.*', which leads outside the data folder"):
        listed(line)


def test_two_files_of_different_names_in_a_line_are_refused(listed):
    with pytest.raises(DataError, match=r"lists a picture and an annotation of different names in one line, 'b\.jpg"):
        listed("b.jpg a.xml")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_list_is_text_in_utf_8_or_as_windows_marks_it(tmp_path, encoding):
    (tmp_path / "train.txt").write_bytes("图\r\n\r\n b \r\n".encode(encoding))
    assert listed_lines(tmp_path / "train.txt") == ["图", "b"]


def test_a_list_in_another_encoding_is_refused(tmp_path):
    (tmp_path / "train.txt").write_bytes("照片\n".encode("gbk"))
    with pytest.raises(DataError, match=r"the image set can't be read \(.*It must be text in UTF-8, one image id"):
        listed_lines(tmp_path / "train.txt")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a 1\nb -1\nc  0\n", True),
        ("a\nb\n", False),
        ("a 1\nb\n", False),
        ("", False),
        ("my photo 7\n", False),
        ("asset 0.jpg -1\n", True),
    ],
)
def test_a_list_of_one_class_has_a_flag_on_each_line(tmp_path, text, expected):
    (tmp_path / "cat_train.txt").write_text(text)
    assert is_of_one_class(tmp_path / "cat_train.txt") is expected
