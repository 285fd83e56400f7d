import numpy as np
import pytest

from trainers.data.errors import DataError
from trainers.data.formats import data_format
from trainers.data.voc.reader import VOC_CLASSES

OBJECT = (
    "<object><name>{}</name><difficult>0</difficult>"
    "<bndbox><xmin>1</xmin><ymin>1</ymin><xmax>5</xmax><ymax>6</ymax></bndbox></object>"
)


def annotation(name="dog", filename="{id}.jpg"):
    named = f"<filename>{filename}</filename>" if filename else ""
    return f"<annotation>{named}<size><width>8</width><height>6</height></size>{OBJECT.format(name)}</annotation>"


@pytest.fixture
def folder(tmp_path):
    """Three images, a, b and c, with a dog each; read_voc never opens an image."""
    base = tmp_path / "VOCdevkit" / "VOC2007"
    for name in ("Annotations", "JPEGImages", "ImageSets/Main"):
        (base / name).mkdir(parents=True)
    for image_id in "abc":
        (base / "Annotations" / f"{image_id}.xml").write_text(annotation().replace("{id}", image_id))
        (base / "JPEGImages" / f"{image_id}.jpg").write_bytes(b"")
    (base / "ImageSets" / "Main" / "train.txt").write_text("a\nb\n\nc\n")
    return base


def root(folder):
    return folder.parents[1]


def failure(folder, image_set="train", **options):
    with pytest.raises(DataError) as caught:
        data_format("voc").image_sets(root(folder)).read(image_set, **options)
    return str(caught.value)


def test_the_samples_come_in_the_order_of_the_list(folder):
    data = data_format("voc").image_sets(root(folder)).read("train")
    assert [sample.image_id for sample in data.samples] == ["a", "b", "c"]
    first = data.samples[0]
    assert (first.image, first.width, first.height) == (folder / "JPEGImages" / "a.jpg", 8, 6)
    np.testing.assert_array_equal(first.boxes, [[0, 0, 5, 6]])
    assert first.labels.tolist() == [VOC_CLASSES.index("dog") + 1]
    assert (data.class_names, data.defects) == (VOC_CLASSES, ())


def test_there_are_twenty_classes_in_alphabetical_order():
    assert len(VOC_CLASSES) == 20
    assert list(VOC_CLASSES) == sorted(VOC_CLASSES)


def test_labels_follow_the_class_names_given(folder):
    data = data_format("voc").image_sets(root(folder)).read("train", class_names=["cat", "dog"])
    assert data.samples[0].labels.tolist() == [2]


def test_an_annotation_that_names_no_image_means_the_one_of_its_id(folder):
    (folder / "Annotations" / "a.xml").write_text(annotation(filename=None))
    assert data_format("voc").image_sets(root(folder)).read("train").samples[0].image == folder / "JPEGImages" / "a.jpg"


def test_a_missing_root_says_what_was_looked_for_and_how_to_name_it(tmp_path):
    with pytest.raises(DataError) as caught:
        data_format("voc").image_sets(tmp_path / "nowhere").read("train")
    assert str(caught.value).startswith(f"{tmp_path}/nowhere: there is no data here: it doesn't exist.")
    assert "Let --data, data.root or BITFRONT_VOC_ROOT name the folder that holds VOCdevkit." in str(caught.value)


def test_a_root_that_holds_something_else_says_what_was_looked_for(tmp_path):
    with pytest.raises(DataError, match="looked for VOCdevkit/VOC2007 with Annotations, ImageSets/Main and JPEGImages"):
        data_format("voc").image_sets(tmp_path).read("train")


def test_a_missing_split_names_those_there(folder):
    (folder / "ImageSets" / "Main" / "val.txt").write_text("a\n")
    assert "there is no image set 'trian'. Choose one of those there: train, val." in failure(folder, "trian")


@pytest.mark.parametrize("name", ["../train", "/etc/hostname", "Main/train", ""])
def test_a_split_is_a_name_and_no_path(folder, name):
    assert "there is no image set" in failure(folder, name)


def test_a_list_of_one_class_is_no_image_set(folder):
    (folder / "ImageSets" / "Main" / "dog_train.txt").write_text("a  1\nb -1\n")
    assert "there is no image set 'dog_train'. Choose one of those there: train." in failure(folder, "dog_train")


def test_a_list_that_is_no_text_is_refused(folder):
    (folder / "ImageSets" / "Main" / "train.txt").write_bytes(b"\xff\xfe\x00")
    assert "train.txt: the image set can't be read" in failure(folder)


def test_an_empty_list_is_refused(folder):
    path = folder / "ImageSets" / "Main" / "train.txt"
    path.write_text("\n")
    expected = f"{path}: it lists no image. Choose another split, or fill this one."
    assert failure(folder) == failure(folder, on_bad_data="skip") == expected


def test_an_unknown_policy_is_refused(folder):
    with pytest.raises(ValueError, match="must be 'error' or 'skip'"):
        data_format("voc").image_sets(root(folder)).read("train", on_bad_data="warn")


def remove_annotation(folder):
    (folder / "Annotations" / "b.xml").unlink()
    return folder / "Annotations" / "b.xml", "the annotation can't be read (No such file or directory)"


def remove_image(folder):
    (folder / "JPEGImages" / "b.jpg").unlink()
    return folder / "JPEGImages" / "b.jpg", "the image can't be read (No such file or directory)"


def make_image_a_folder(folder):
    (folder / "JPEGImages" / "b.jpg").unlink()
    (folder / "JPEGImages" / "b.jpg").mkdir()
    return folder / "JPEGImages" / "b.jpg", "the image is no file"


def unknown_class(folder):
    (folder / "Annotations" / "b.xml").write_text(annotation("hose", filename="b.jpg"))
    return folder / "Annotations" / "b.xml", "unknown class 'hose' (did you mean 'horse'?)"


def broken_xml(folder):
    (folder / "Annotations" / "b.xml").write_text(annotation()[:40])
    return folder / "Annotations" / "b.xml", "broken XML"


def climbing_filename(folder):
    (folder / "JPEGImages" / "b.jpg").unlink()
    (folder / "Annotations" / "b.xml").write_text(annotation(filename="../../b.jpg"))
    return folder / "Annotations" / "b.xml", "names '../../b.jpg', which leads outside the data folder"


def absolute_filename(folder):
    (folder / "JPEGImages" / "b.jpg").unlink()
    (folder / "Annotations" / "b.xml").write_text(annotation(filename="/etc/hostname"))
    return folder / "Annotations" / "b.xml", "names '/etc/hostname', which leads outside the data folder"


def listed(folder, name):
    (folder / "ImageSets" / "Main" / "train.txt").write_text(f"a\n{name}\nc\n")
    return folder / "ImageSets" / "Main" / "train.txt"


def climbing_id(folder):
    return listed(folder, "../b"), "lists '../b', which leads outside the data folder"


def absolute_id(folder):
    return listed(folder, "/etc/b"), "lists '/etc/b', which leads outside the data folder"


def backslash_id(folder):
    return listed(folder, r"..\b"), r"which leads outside the data folder"


def drive_id(folder):
    return listed(folder, "C:b"), "lists 'C:b', which leads outside the data folder"


def id_with_nul(folder):
    return listed(folder, "b\0"), "which leads outside the data folder"


def endless_id(folder):
    return listed(folder, "b" * 5000).parents[2] / "Annotations" / ("b" * 5000 + ".xml"), "File name too long"


def id_twice(folder):
    (folder / "ImageSets" / "Main" / "train.txt").write_text("a\nc\na\n")
    return folder / "ImageSets" / "Main" / "train.txt", "lists the image 'a' twice"


def filename_of_another(folder):
    (folder / "JPEGImages" / "b.jpg").unlink()
    (folder / "Annotations" / "b.xml").write_text(annotation(filename="./a.jpg"))
    reason = "names the image './a.jpg', which is that of a.xml; there is no picture named 'b'"
    return folder / "Annotations" / "b.xml", reason


def shared_filename(folder):
    for name in "ab":
        (folder / "JPEGImages" / f"{name}.jpg").unlink()
        (folder / "Annotations" / f"{name}.xml").write_text(annotation(filename="other.jpg"))
    (folder / "JPEGImages" / "other.jpg").touch()
    return folder / "Annotations" / "b.xml", "names the image 'other.jpg', as the annotation of 'a' does"


def pictures_of_one_name(folder):
    (folder / "JPEGImages" / "b.png").touch()
    (folder / "Annotations" / "b.xml").write_text(annotation(filename="b"))
    reason = "belongs to 2 pictures, and doesn't say to which: b.jpg, b.png"
    return folder / "Annotations" / "b.xml", reason


DEFECTS = pytest.mark.parametrize(
    "spoil",
    [
        remove_annotation,
        remove_image,
        make_image_a_folder,
        unknown_class,
        broken_xml,
        climbing_filename,
        absolute_filename,
        climbing_id,
        absolute_id,
        backslash_id,
        drive_id,
        id_with_nul,
        endless_id,
        id_twice,
        filename_of_another,
        shared_filename,
        pictures_of_one_name,
    ],
)


@DEFECTS
def test_a_defect_is_an_error_that_names_file_reason_and_way_out(folder, spoil):
    path, expected = spoil(folder)
    message = failure(folder)
    assert message.startswith(f"{path}: ")
    assert expected in message
    assert "set data.on_bad_data: skip" in message


@DEFECTS
def test_with_skip_the_whole_image_is_left_out_and_listed(folder, spoil):
    path, expected = spoil(folder)
    data = data_format("voc").image_sets(root(folder)).read("train", on_bad_data="skip")
    assert [sample.image_id for sample in data.samples] == ["a", "c"]
    (defect,) = data.defects
    assert defect.path == path
    assert expected in defect.reason


def test_an_image_listed_twice_is_a_defect_and_none_is_lost_by_it(folder):
    id_twice(folder)
    assert data_format("voc").image_sets(root(folder)).read("train", on_bad_data="skip").left_out == 0
    remove_image(folder)
    (folder / "ImageSets" / "Main" / "train.txt").write_text("a\nb\na\n")
    data = data_format("voc").image_sets(root(folder)).read("train", on_bad_data="skip")
    assert (len(data.samples), data.left_out, len(data.defects)) == (1, 1, 2)


def test_an_image_of_another_entry_is_one_image_left_out(folder):
    shared_filename(folder)
    assert data_format("voc").image_sets(root(folder)).read("train", on_bad_data="skip").left_out == 1


def test_when_nothing_is_usable_skip_is_an_error_too(folder):
    message = failure(folder, on_bad_data="skip", class_names=["cat"])
    assert "none of the 3 images listed is usable; the first defect" in message
    assert "unknown class 'dog'" in message
