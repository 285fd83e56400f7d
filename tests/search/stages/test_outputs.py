"""No output is written over an input."""

from pathlib import Path

import pytest

from search.errors import RunError
from search.stages.outputs import refuse_to_overwrite


@pytest.mark.parametrize("link", [None, Path.symlink_to, Path.hardlink_to])
def test_an_output_that_is_an_input_is_refused_under_any_name(link, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a.jpg", "in/deep/a.jpg"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()
    output = Path("in/../a.jpg")
    if link is not None:
        output = Path("other.jpg")
        link(output, tmp_path / "a.jpg")
    with pytest.raises(RunError, match=r"jpg would overwrite a\.jpg, which is read\. Name another place\."):
        refuse_to_overwrite([Path("gone.jpg"), Path("a.jpg")], [Path("new.jpg"), output])
    refuse_to_overwrite([Path("a.jpg")], [Path("new.jpg"), Path("in/deep/a.jpg")])


def test_inputs_are_not_listed_for_an_output_that_is_new(tmp_path):
    def many():
        pytest.fail("they were listed")
        yield tmp_path

    refuse_to_overwrite(many(), [tmp_path / "new.json"])
