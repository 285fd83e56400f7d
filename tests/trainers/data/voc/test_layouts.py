"""Where VOC data may lie: each data set has one image, or the images a, b and c in train, val and test."""

import pytest

from trainers.data.errors import DataError
from trainers.data.finding import find_format
from trainers.data.formats import FORMATS, data_format
from trainers.data.layout import NamedFiles
from trainers.data.listing import file_names

SETS = {"train": ("a", 1), "val": ("b", 2), "test": ("c", 3)}


def read(root, year="2007", **options):
    """By set the pictures that are read, below the root, with their boxes; remarks and defects there are none."""
    sets = data_format("voc", year).image_sets(root, **options)
    found = {}
    for name in sets.names():
        data = sets.read(name, class_names=("cat",))
        assert (data.remarks, data.defects) == ((), ())
        found[name] = {
            sample.image_id: (sample.image.relative_to(root).as_posix(), *map(tuple, sample.boxes.tolist()))
            for sample in data.samples
        }
        assert sets.images(name) == {sample.image_id: sample.image for sample in data.samples}
    return found


def expected(folder, ending="jpg"):
    return {
        name: {image: (f"{folder.format(name)}{image}.{ending}", (n, 2 * n, 20 + n, 30 + n))}
        for name, (image, n) in SETS.items()
    }


@pytest.fixture
def voc_folder(voc_xml):
    """Makes the files of a folder with Annotations and JPEGImages, and lists in a folder."""

    def files(folder="", lists="ImageSets/Main/", annotations="Annotations", images="JPEGImages"):
        made = {}
        for name, (image, number) in SETS.items():
            made[f"{folder}{images}/{image}.jpg"] = number
            made[f"{folder}{annotations}/{image}.xml"] = voc_xml(number, f"{image}.jpg")
            if lists is not None:
                made[f"{folder}{lists}{name}.txt"] = image
        return made

    return files


@pytest.mark.parametrize("folder", ["", "VOC2007/", "VOCdevkit/VOC2007/"])
def test_the_root_may_be_any_folder_above_annotations_and_images(write_files, voc_folder, folder):
    one_class = {f"{folder}ImageSets/Main/cat_train.txt": "a 1\n", f"{folder}ImageSets/Main/._val.txt": "x"}
    assert read(write_files(voc_folder(folder) | one_class)) == expected(f"{folder}JPEGImages/")


@pytest.mark.parametrize("lists", ["ImageSets/Main/", "ImageSets/", ""])
@pytest.mark.parametrize(
    ("annotations", "images"), [("Annotations", "JPEGImages"), ("annotations", "images"), ("Annotations", "Images")]
)
def test_lists_may_lie_beside_the_folders_whose_names_may_be_plain(write_files, voc_folder, lists, annotations, images):
    files = voc_folder("", lists, annotations, images)
    root = write_files(files | {"labels.txt": "cat", "README.txt": "a cat", "label_list.txt": "cat"})
    assert read(root) == expected(f"{images}/")


@pytest.mark.parametrize("annotations", ["Annotations", "annotations"])
def test_without_lists_all_annotations_are_one_set(write_files, voc_folder, annotations):
    root = write_files(voc_folder("", None, annotations) | {f"{annotations}/._a.xml": "x", "labels.txt": "cat"})
    assert list(read(root)) == ["all"]
    assert read(root)["all"].keys() == {"a", "b", "c"}


@pytest.mark.parametrize("place", ["{}/{}", "images/{}/{}"])
def test_xml_files_may_lie_beside_their_images_in_a_folder_a_set(write_files, voc_xml, place):
    """As Roboflow writes them, where `valid` stands for any name."""
    files = {"README.roboflow.txt": "Cats"}
    for name, (image, number) in SETS.items():
        files |= {place.format(name, f"{image}_jpg.rf.1f.jpg"): number}
        files |= {place.format(name, f"{image}_jpg.rf.1f.xml"): voc_xml(number, f"{image}_jpg.rf.1f.jpg")}
    root = write_files(files)
    assert {name: list(images.values()) for name, images in read(root).items()} == {
        name: [(place.format(name, f"{image}_jpg.rf.1f.jpg"), (n, 2 * n, 20 + n, 30 + n))]
        for name, (image, n) in SETS.items()
    }


@pytest.mark.parametrize(("annotations", "images"), [("Annotations", "JPEGImages"), ("annotations", "images")])
@pytest.mark.parametrize("place", ["{set}/{kind}/", "{kind}/{set}/"])
def test_a_set_may_have_two_folders_or_a_folder_in_each(write_files, voc_xml, annotations, images, place):
    files = {}
    for name, (image, number) in SETS.items():
        files[f"{place.format(set=name, kind=images)}{image}.png"] = number
        files[f"{place.format(set=name, kind=annotations)}{image}.xml"] = voc_xml(number)
    assert read(write_files(files)) == expected(place.format(set="{}", kind=images), "png")


def test_lists_in_imagesets_choose_among_sub_folders(write_files, voc_xml):
    images = {"JPEGImages/2020/a.jpg": 1, "Annotations/2020/a.xml": voc_xml(1)}
    root = write_files(images | {"ImageSets/train.txt": "2020/a", "JPEGImages/b.jpg": 2})
    assert read(root) == {"train": {"2020/a": ("JPEGImages/2020/a.jpg", (1, 2, 21, 31))}}


def test_a_list_named_as_a_sub_folder_changes_nothing(write_files, voc_xml):
    root = write_files({"images/train/a.jpg": 1, "annotations/train/a.xml": voc_xml(1), "train.txt": "a"})
    assert read(root) == {"train": {"a": ("images/train/a.jpg", (1, 2, 21, 31))}}


def test_files_of_labelimg_beside_their_images_are_one_set(write_files, voc_xml):
    root = write_files({"a.jpg": 1, "a.xml": voc_xml(1, "a.jpg"), "b.png": 2, "b.xml": voc_xml(2), "classes.txt": ""})
    assert read(root) == {"all": {"a": ("a.jpg", (1, 2, 21, 31)), "b": ("b.png", (2, 4, 22, 32))}}


@pytest.mark.parametrize("folder", ["", "cam 1/"])
def test_an_export_of_cvat_is_read_with_ids_in_folders(write_files, voc_xml, folder):
    root = write_files(
        {
            f"JPEGImages/{folder}a.jpg": 1,
            f"Annotations/{folder}a.xml": voc_xml(1, f"{folder}a.jpg"),
            "ImageSets/Main/default.txt": f"{folder}a\n",
            "ImageSets/Main/cat_default.txt": "a  1\n",
            "ImageSets/Segmentation/default.txt": f"{folder}a\n",
            "labelmap.txt": "# label:color_rgb:parts:actions\ncat:1,2,3::\n",
        }
    )
    assert read(root) == {"default": {f"{folder}a": (f"JPEGImages/{folder}a.jpg", (1, 2, 21, 31))}}


def test_lists_of_paddledetection_name_both_files(write_files, voc_folder):
    lines = {f"{name}.txt": f"./images/{image}.jpg ./annotations/{image}.xml" for name, (image, _) in SETS.items()}
    assert read(write_files(voc_folder("", "", "annotations", "images") | lines)) == expected("images/")


@pytest.mark.parametrize("place", ["", "VOCdevkit/"])
def test_of_several_years_those_asked_for_are_read(write_files, voc_folder, place):
    root = write_files(voc_folder(f"{place}VOC2007/") | voc_folder(f"{place}VOC2012/"))
    assert read(root, "2012") == expected(f"{place}VOC2012/JPEGImages/")
    assert list(read(root, "2007+2012")["val"]) == ["2007/b", "2012/b"]


@pytest.mark.parametrize("place", ["", "VOCdevkit/"])
@pytest.mark.parametrize("lists", ["ImageSets/Main/", None])
def test_a_missing_year_names_those_there(write_files, voc_folder, place, lists):
    root = write_files(voc_folder(f"{place}VOC2012/", lists))
    for year in ("2007", "2007+2012"):
        with pytest.raises(
            DataError, match=r"there is no VOC data here: .*Set data\.year \(--year\) to what is there: 2012\.$"
        ):
            read(root, year)
        with pytest.raises(
            DataError, match=r"no format fits what is here.*Set data\.year \(--year\) to what is there: "
        ):
            find_format(root, year)


def test_a_folder_of_another_year_is_not_read_for_the_year_asked_for(write_files, voc_folder):
    root = write_files(voc_folder("VOC2012/") | voc_folder("VOC2007/"))
    assert read(root / "VOC2012") == expected("JPEGImages/")  # 2007 is the default, and nobody asked for it
    for folder, year in (("VOC2007", "2012"), ("VOC2007", "2007+2012")):
        with pytest.raises(DataError, match="there is no VOC data here"):
            read(root / folder, year)


def test_two_readings_of_a_set_are_asked_about(write_files, voc_folder, voc_xml):
    root = write_files(voc_folder() | {"train/a.jpg": 1, "train/a.xml": voc_xml(1)})
    sets = data_format("voc").image_sets(root)
    with pytest.raises(DataError, match=r"the set train can be read as .*data\.annotations\.train.* data\.images\.tr"):
        sets.read("train", class_names=("cat",))
    assert list(sets.images("val")) == ["b"]


def test_named_folders_are_read_where_no_layout_fits(write_files, voc_xml):
    root = write_files({"x/photos/a.jpg": 1, "y/labels/a.xml": voc_xml(1), "z": ""})
    named = NamedFiles({"train": root / "y" / "labels"}, {"train": root / "x" / "photos"})
    assert read(root, named=named) == {"train": {"a": ("x/photos/a.jpg", (1, 2, 21, 31))}}


@pytest.mark.parametrize(
    "files",
    [
        {"annotations/instances_train.json": "{}", "train/a.jpg": 1, "train.txt": "a"},
        {"annotations/a.json": "{}", "images/a.jpg": 1, "train.txt": "images/a.jpg"},
        {"train/_annotations.coco.json": "{}", "train/a.jpg": 1},
        {"VisDrone2019-DET-train/annotations/a.txt": "", "VisDrone2019-DET-train/images/a.jpg": 1},
        {"train/annotations/a.txt": "", "train/images/a.jpg": 1},
        {"images/train/a.jpg": 1, "labels/train/a.txt": "", "train.txt": "./images/train/a.jpg"},
        {"annotations.xml": "", "images/a.jpg": 1},  # CVAT for images
        {"ImageSets/train.txt": "a", "training/image_2/a.png": 1, "training/label_2/a.txt": ""},  # KITTI
        {"Annotations/a.xml": ""},
        {"mine/Annotations/a.xml": "", "mine/JPEGImages/a.jpg": 1, "mine/ImageSets/Main/train.txt": "a"},
    ],
)
def test_data_of_other_formats_are_not_taken_for_voc(write_files, files):
    root = write_files(files)
    assert [layout.title for layout in FORMATS["voc"].layouts if layout.sets(root)] == []


def test_layouts_and_images_read_no_annotation_and_list_each_folder_once(write_files, voc_folder, monkeypatch):
    """Of 17,000 images each further look at a file, or at a folder, would take long."""
    root = write_files(voc_folder())
    listed = []

    def names(folder, *suffixes):
        listed.append(folder)
        return file_names(folder, *suffixes)

    monkeypatch.setattr("trainers.data.voc.stems.file_names", names)
    monkeypatch.setattr("trainers.data.voc.reader.parse_annotation", None)
    assert list(data_format("voc").image_sets(root).images("train")) == ["a"]
    assert listed == [root / "JPEGImages"]
