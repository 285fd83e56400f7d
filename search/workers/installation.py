"""Check that our four packages, whose short names other distributions use too, come from one place."""

import importlib.util
from pathlib import Path

PACKAGES = ("search", "spaces", "trainers", "results")


class InstallationError(ValueError):
    """A package of another distribution is imported instead of ours."""


def package_folders() -> list[Path]:
    """The folders of the four packages. Raises InstallationError unless all are in one folder."""
    folders = {name: _folder(name) for name in PACKAGES}
    home = _home(Path(__file__).resolve().parents[1])
    foreign = {name: folder for name, folder in folders.items() if folder is None or _home(folder) != home}
    if foreign:
        places = "; ".join(f"{name} is {folder or 'missing'}" for name, folder in foreign.items())
        raise InstallationError(
            f"Bitfront is installed in {home}, but {places}. Another distribution brings a package of the same name. "
            "Install Bitfront in an environment of its own: python -m venv .venv && .venv/bin/pip install bitfront"
        )
    return [folder for folder in folders.values() if folder is not None]


def _home(package: Path) -> Path:
    """The folder that holds a package. For a cluster's worker, Ray unpacks each package into a folder of its own."""
    return package.parent.parent if package.parent.name.startswith("_ray_pkg_") else package.parent


def _folder(name: str) -> Path | None:
    spec = importlib.util.find_spec(name)
    return Path(spec.origin).resolve().parent if spec is not None and spec.origin else None
