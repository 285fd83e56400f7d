"""Whether the four packages, whose names are short enough to clash, come from one place."""

import importlib.util
from pathlib import Path

PACKAGES = ("search", "spaces", "trainers", "results")


class InstallationError(ValueError):
    """Another distribution's package stands where one of ours should be."""


def package_folders() -> list[Path]:
    """The folders of the four packages. Raises InstallationError unless they lie beside each other."""
    folders = {name: _folder(name) for name in PACKAGES}
    home = _home(Path(__file__).resolve().parents[1])
    foreign = {name: folder for name, folder in folders.items() if folder is None or _home(folder) != home}
    if foreign:
        found = "; ".join(f"{name} is {folder or 'missing'}" for name, folder in foreign.items())
        raise InstallationError(
            f"Bitfront is installed in {home}, but {found}. Another distribution brings a package of the same name. "
            "Install Bitfront in an environment of its own: python -m venv .venv && .venv/bin/pip install bitfront"
        )
    return [folder for folder in folders.values() if folder is not None]


def _home(package: Path) -> Path:
    """Where a package lies. Ray unpacks each of those that it brings to a cluster's worker in a folder of its own."""
    return package.parent.parent if package.parent.name.startswith("_ray_pkg_") else package.parent


def _folder(name: str) -> Path | None:
    found = importlib.util.find_spec(name)
    return Path(found.origin).resolve().parent if found is not None and found.origin else None
