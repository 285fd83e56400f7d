import pytest

from trainers.data.errors import DataError
from trainers.data.folder import DataFolder


@pytest.fixture
def linked(tmp_path):
    """A data folder with a link to a file outside it, as download caches have them."""
    cache, images = tmp_path / "cache" / "blob", tmp_path / "data" / "images"
    for folder in (cache.parent, images):
        folder.mkdir(parents=True)
    cache.write_bytes(b"x")
    (images / "a.jpg").symlink_to(cache)
    return images


def test_a_link_that_leads_outside_is_refused_with_the_key_that_allows_it(linked):
    with pytest.raises(DataError, match=r"leads outside the data folder; list names it\. Set data\.follow_links: true"):
        DataFolder.of(linked.parent, linked).file("a.jpg", "image", "list")


def test_links_are_followed_when_asked_for_but_names_never_lead_outside(linked):
    folder = DataFolder.of(linked.parent, linked, follow_links=True)
    assert folder.file("a.jpg", "image", "list") == linked / "a.jpg"
    with pytest.raises(DataError, match="which leads outside"):
        folder.file("../../cache/blob", "image", "list")


def test_a_link_inside_the_data_is_followed(linked):
    (linked.parent / "b.jpg").write_bytes(b"x")
    (linked / "b.jpg").symlink_to(linked.parent / "b.jpg")
    assert DataFolder.of(linked.parent, linked).file("b.jpg", "image", "list") == linked / "b.jpg"
