from trainers.data.listing import file_names, folders_in, images_by_stem, is_file, is_folder, names_below


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


def test_files_below_a_folder_are_named_from_it_without_hidden_folders(tmp_path):
    for name in ("b.txt", "a/c.TXT", "a/d.jpg", "a/e/f.txt", ".g/h.txt", "a/._c.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert list(names_below(tmp_path, ".txt")) == ["b.txt", "a/c.TXT", "a/e/f.txt"]
    assert list(names_below(tmp_path / "none", ".txt")) == []


def test_folders_are_listed_without_hidden_ones_and_asking_never_fails(tmp_path):
    for name in ("b", "a/c", ".git"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "d.txt").touch()
    assert folders_in(tmp_path) == [tmp_path / "a", tmp_path / "b"]
    assert folders_in(tmp_path / "d.txt") == []
    assert (is_folder(tmp_path / "a"), is_file(tmp_path / "d.txt")) == (True, True)
    for name in ("d.txt/e", "x" * 5000, "\0"):
        assert (is_folder(tmp_path / name), is_file(tmp_path / name)) == (False, False)
