"""All names that a config may give, each with a line on what it is, read from the tables that the code itself uses.

Each kind imports its table when it is asked for: presets and formats need no torch.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """One kind of names.

    title: what they are. key: where a config gives them. lines: gives what each is, by name.
    """

    title: str
    key: str
    lines: Callable[[], Mapping[str, str]]


def _presets() -> dict[str, str]:
    from search.config.preset_files import preset_names, preset_summary

    return {name: preset_summary(name) for name in preset_names()}


def _detectors() -> dict[str, str]:
    from spaces.detectors.table import DETECTORS

    return {name: entry.about for name, entry in DETECTORS.items()}


def _methods() -> dict[str, str]:
    from spaces.layers.methods import METHODS

    return {name: method.about for name, method in METHODS.items()}


def _options() -> dict[str, str]:
    from spaces.layers.methods import METHODS, OPTIONS

    takers = {name: [one for one, method in METHODS.items() if name in method.options] for name in OPTIONS}
    return {name: f"{option.about}; of {', '.join(takers[name])}" for name, option in OPTIONS.items()}


def _terms() -> dict[str, str]:
    from trainers.distill.terms import TERMS

    return {name: term.about for name, term in TERMS.items()}


def _samplers() -> dict[str, str]:
    from search.controller.samplers import SAMPLERS

    return {name: _first_sentence(sampler) for name, sampler in SAMPLERS.items()}


def _rules() -> dict[str, str]:
    from trainers.training.rules.table import RULES

    return {name: _first_sentence(rule.step) for name, rule in RULES.items()}


def _objectives() -> dict[str, str]:
    from results.figures import FIGURES

    return {name: f"{one.label} ({one.unit}), to {one.direction}" for name, one in FIGURES.items() if one.searched}


def _formats() -> dict[str, str]:
    from trainers.data.formats import FORMATS

    return {
        name: "generated images" if form.generate is not None else f"{form.title}: a folder that holds {form.holds}"
        for name, form in FORMATS.items()
    }


KINDS: dict[str, Kind] = {
    "presets": Kind("presets", "bitfront search NAME, bitfront train NAME", _presets),
    "detectors": Kind("detectors", "student.detector", _detectors),
    "methods": Kind("layer methods", "space.layers.methods", _methods),
    "options": Kind("options of layer methods", "METHOD+OPTION", _options),
    "terms": Kind("distillation terms", "space.terms", _terms),
    "samplers": Kind("samplers", "search.sampler", _samplers),
    "objectives": Kind("objectives", "search.objectives", _objectives),
    "rules": Kind("supernet rules", "supernet.rule", _rules),
    "formats": Kind("data formats", "data.format", _formats),
}
"""The kinds of names, in the order in which they are listed."""


def listing(kind: Kind) -> Iterator[str]:
    """The kind's title with the key of a config, and a line for each name."""
    lines = kind.lines()
    width = max(map(len, lines))
    yield f"{kind.title} ({kind.key}):"
    yield from (f"  {name:{width}}  {about}".rstrip() for name, about in lines.items())


def _first_sentence(described: Callable[..., object]) -> str:
    """The first line of the docstring, which is a sentence; empty where there is none."""
    return (described.__doc__ or "").partition("\n")[0].removesuffix(".")
