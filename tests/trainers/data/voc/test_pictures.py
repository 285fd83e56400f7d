"""Which picture is read for an annotation: a picture's width is 100 + its number, and so is its annotation's."""

import pytest

from trainers.data.errors import DataError
from trainers.data.formats import data_format
from trainers.data.remarks import BY_FILENAME, OTHER_NAME

BASE = "VOCdevkit/VOC2007"
IMAGES, LISTS, XML = f"{BASE}/JPEGImages", f"{BASE}/ImageSets/Main", f"{BASE}/Annotations"


def sets_of(root, **options):
    return data_format("voc").image_sets(root, **options)


def read(root, name="train", **options):
    return sets_of(root).read(name, class_names=("cat",), **options)


def pictures_of(data, root):
    """The pictures that are read, by image id."""
    return {sample.image_id: sample.image.relative_to(root).as_posix() for sample in data.samples}


def remarks_of(data):
    return {remark.text: (remark.count, remark.first.name) for remark in data.remarks}


@pytest.fixture
def one_image(voc_xml):
    """Makes the files of a set with one image."""

    def files(picture, filename, listed="a", xml="a.xml"):
        return {f"{IMAGES}/{picture}": 1, f"{XML}/{xml}": voc_xml(1, filename), f"{LISTS}/train.txt": listed}

    return files


def test_after_pictures_and_annotations_are_renamed_together_each_box_stays_on_its_picture(write_files, voc_xml):
    """Pictures 1, 2 and 3 were called c, a and b when they were annotated."""
    files = {f"{LISTS}/train.txt": "a\nb\nc\n"}
    for number, (name, before) in enumerate((("a", "c"), ("b", "a"), ("c", "b")), start=1):
        files |= {f"{IMAGES}/{name}.png": number, f"{XML}/{name}.xml": voc_xml(number, f"{before}.png")}
    root = write_files(files)
    data = read(root)
    assert pictures_of(data, root) == {name: f"{IMAGES}/{name}.png" for name in "abc"}
    assert [sample.boxes.tolist() for sample in data.samples] == [[[n, 2 * n, 20 + n, 30 + n]] for n in (1, 2, 3)]
    assert remarks_of(data) == {OTHER_NAME: (3, "a.xml")}
    assert sets_of(root).images("train") == {name: root / IMAGES / f"{name}.png" for name in "abc"}


@pytest.mark.parametrize("ending", ["jpg", "JPG", "jpeg", "png", "PNG", "bmp", "tif", "tiff", "TIFF", "webp"])
def test_a_picture_may_have_any_ending_in_any_case(write_files, one_image, ending):
    root = write_files(one_image(f"a.{ending}", None))
    assert pictures_of(read(root), root) == {"a": f"{IMAGES}/a.{ending}"}
    assert sets_of(root).images("train") == {"a": root / IMAGES / f"a.{ending}"}


@pytest.mark.parametrize(
    ("filename", "other"),
    [
        (None, 0),
        ("a.png", 0),
        ("a", 0),
        ("A.JPG", 0),
        (r"C:\Users\me\a.jpg", 0),
        ("/home/me/a.jpeg", 0),
        ("b.jpg", 1),
        (r"C:\data\img.jpg", 1),
        ("../../b.jpg", 1),
        ("/etc/hostname", 1),
    ],
)
def test_the_picture_of_the_id_is_read_whatever_the_annotation_names(write_files, one_image, filename, other):
    root = write_files(one_image("a.jpg", filename))
    data = read(root)
    assert pictures_of(data, root) == {"a": f"{IMAGES}/a.jpg"}
    assert remarks_of(data) == ({OTHER_NAME: (1, "a.xml")} if other else {})


@pytest.mark.parametrize(
    ("picture", "filename"),
    [
        ("other.jpg", "other.jpg"),
        ("other.jpg", "other"),
        ("other.jpg", "other.png"),
        ("other.v2.jpg", "other.v2"),
        ("sub/other.jpg", "sub/other.jpg"),
        ("sub/other.jpg", "./sub/other.jpg"),
        ("sub/other.jpg", r"sub\other.jpg"),
        ("other.jpg", r"D:\photos of me\other.jpg"),
        ("other.jpg", "/home/me/photos/other.jpg"),
        ("other.jpg", "photos/other.jpg"),
        ("other.jpg", "../photos/other.jpg"),
        ("other.png", r"D:\photos\other"),
    ],
)
def test_without_a_picture_of_the_id_the_one_named_is_read_and_counted(write_files, one_image, picture, filename):
    root = write_files(one_image(picture, filename))
    data = read(root)
    assert pictures_of(data, root) == {"a": f"{IMAGES}/{picture}"}
    assert remarks_of(data) == {BY_FILENAME: (1, "a.xml")}
    assert sets_of(root).images("train") == {"a": root / IMAGES / picture}


def test_an_id_in_a_folder_of_pictures_has_none_from_above_it(write_files, one_image):
    """Folders may be cameras, each with a picture of that name."""
    files = one_image("sub/b.jpg", "a.jpg", "sub/a", "sub/a.xml") | {f"{IMAGES}/a.jpg": 2}
    with pytest.raises(DataError, match=r"the image can't be read"):
        read(write_files(files))


def test_an_id_in_a_folder_has_its_picture_and_its_annotation_there(write_files, one_image, voc_xml):
    files = one_image("sub/a.jpg", "a.jpg", "sub/a", "sub/a.xml") | {f"{IMAGES}/a.jpg": 2}
    root = write_files(files)
    assert pictures_of(read(root), root) == {"sub/a": f"{IMAGES}/sub/a.jpg"}
    (root / IMAGES / "sub" / "a.jpg").rename(root / IMAGES / "sub" / "other.jpg")
    (root / XML / "sub" / "a.xml").write_text(voc_xml(1, "x/other.jpg"))
    assert pictures_of(read(root), root) == {"sub/a": f"{IMAGES}/sub/other.jpg"}


@pytest.mark.parametrize(
    ("listed", "filename", "expected"),
    [
        ("a", "a.jpg", "a.jpg"),
        ("a", "a.png", "a.png"),
        ("a", r"C:\x\a.PNG", "a.png"),
        ("a.png", "a.jpg", "a.png"),
        ("a.png", None, "a.png"),
        ("a.xml", "a.jpg", "a.jpg"),
    ],
)
def test_of_two_pictures_the_list_chooses_then_the_annotation(write_files, one_image, listed, filename, expected):
    root = write_files(one_image("a.jpg", filename, listed) | {f"{IMAGES}/a.png": 1})
    assert pictures_of(read(root), root) == {"a": f"{IMAGES}/{expected}"}
    assert sets_of(root).images("train") == {"a": root / IMAGES / expected}


@pytest.mark.parametrize("filename", [None, "a", "a.bmp", "other.jpg"])
def test_two_pictures_of_an_id_and_no_choice_is_a_defect(write_files, one_image, filename):
    root = write_files(one_image("a.jpg", filename) | {f"{IMAGES}/a.png": 1, f"{IMAGES}/other.jpg": 2})
    with pytest.raises(DataError, match=r"a\.xml: belongs to 2 pictures, and doesn't say to which: a\.jpg, a\.png"):
        read(root)
    assert sets_of(root).images("train") == {"a": root / IMAGES / "a.jpg"}


def test_the_picture_of_another_annotation_is_never_read_instead_of_a_missing_one(write_files, one_image, voc_xml):
    """That of b, which isn't even in this set."""
    files = one_image("b.jpg", "b.jpg") | {f"{XML}/b.xml": voc_xml(1), f"{LISTS}/test.txt": "b"}
    root = write_files(files)
    with pytest.raises(DataError, match=r"a\.xml: names the image 'b\.jpg', which is that of b\.xml; there is no"):
        read(root)
    assert sets_of(root).images("train") == {"a": root / IMAGES / "a.jpg"}
    assert pictures_of(read(root, "test"), root) == {"b": f"{IMAGES}/b.jpg"}


def test_what_a_mac_leaves_beside_a_picture_is_no_picture(write_files, one_image):
    root = write_files(one_image("a.jpg", "a.jpg") | {f"{IMAGES}/._a.jpg": "", f"{XML}/._a.xml": ""})
    assert pictures_of(read(root), root) == {"a": f"{IMAGES}/a.jpg"}


def test_an_id_without_a_picture_stands_for_a_missing_one_and_none_leads_outside(write_files, one_image, voc_xml):
    files = one_image("a.jpg", None, "a\n../b\nc\nd\n")
    root = write_files(files | {f"{XML}/c.xml": "no XML", f"{XML}/d.xml": voc_xml(4, "../../etc/hostname")})
    assert sets_of(root).images("train") == {name: root / IMAGES / f"{name}.jpg" for name in "acd"}
    assert read(root, on_bad_data="skip").left_out == 3


def test_a_link_to_a_picture_outside_is_followed_where_the_user_says_so(write_files, one_image, tmp_path):
    root = write_files(one_image("other.jpg", None))
    outside = tmp_path / "cache"
    (root / IMAGES / "other.jpg").rename(outside)
    (root / IMAGES / "a.jpg").symlink_to(outside)
    with pytest.raises(DataError, match=r"a link that leads outside the data folder.*Set data\.follow_links: true"):
        read(root)
    data = sets_of(root, follow_links=True).read("train", class_names=("cat",))
    assert pictures_of(data, root) == {"a": f"{IMAGES}/a.jpg"}
