"""The configs that come with the package: their names, their text, and what each is in a line."""

import re
from importlib import resources
from itertools import takewhile

_SENTENCE = re.compile(r"(.*?)[.:](?:\s|$)")


def preset_names() -> list[str]:
    """The names, sorted."""
    files = resources.files("search.config.presets").iterdir()
    return sorted(file.name.removesuffix(".yaml") for file in files if file.name.endswith(".yaml"))


def preset_text(name: str) -> str:
    """The YAML of the preset `name`, comments included."""
    return resources.files("search.config.presets").joinpath(f"{name}.yaml").read_text("utf-8")


def preset_summary(name: str) -> str:
    """The first sentence of the comment that the preset begins with; it ends at a full stop or a colon."""
    comment = takewhile(lambda line: line.startswith("#"), preset_text(name).splitlines())
    text = " ".join(line.removeprefix("#").strip() for line in comment)
    found = _SENTENCE.match(text)
    return found[1] if found else text
