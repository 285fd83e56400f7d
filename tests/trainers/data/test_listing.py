from trainers.data.listing import file_names, images_by_stem


def test_data_files_are_listed_by_ending_without_hidden_ones(tmp_path):
    for name in ("b.XML", "a.xml", "._a.xml", ".DS_Store", "c.txt", "d"):
        (tmp_path / name).touch()
    assert file_names(tmp_path, ".xml") == ["a.xml", "b.XML"]
    assert file_names(tmp_path, ".xml", ".txt") == ["a.xml", "b.XML", "c.txt"]
    assert file_names(tmp_path / "none", ".xml") == []


def test_images_are_listed_by_stem_in_any_case_of_any_ending(tmp_path):
    for name in ("a.JPG", "a.png", "b.webp", "c.1.tiff", "._a.jpg", "d.xml"):
        (tmp_path / name).touch()
    assert images_by_stem(tmp_path) == {"a": ["a.JPG", "a.png"], "b": ["b.webp"], "c.1": ["c.1.tiff"]}
