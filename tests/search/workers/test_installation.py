"""The four packages must come from one place."""

import sys
from pathlib import Path

import pytest

from search.workers.installation import PACKAGES, InstallationError, _home, package_folders


def test_the_four_packages_lie_beside_each_other():
    assert [folder.name for folder in package_folders()] == ["search", "spaces", "trainers", "results"]
    assert len({folder.parent for folder in package_folders()}) == 1


def test_a_foreign_package_of_the_same_name_is_told(tmp_path, monkeypatch):
    (tmp_path / "spaces").mkdir()
    (tmp_path / "spaces/__init__.py").write_text("")
    monkeypatch.delitem(sys.modules, "spaces")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(InstallationError, match=rf"but spaces is {tmp_path}/spaces\. .* in an environment of its own"):
        package_folders()


def test_packages_that_ray_has_brought_lie_in_one_place_though_each_has_a_folder_of_its_own():
    brought = [Path(f"/ray/py_modules_files/_ray_pkg_{number}a/{name}") for number, name in enumerate(PACKAGES)]
    assert {_home(folder) for folder in brought} == {Path("/ray/py_modules_files")}
