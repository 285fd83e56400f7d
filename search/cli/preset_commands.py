"""The command that says which names a config may give, and prints a preset to begin one from."""

from typing import Annotated

import typer

from search.cli.user_errors import user_errors


def presets(
    name: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", help="A preset, to print its YAML; or one kind of names, such as detectors."),
    ] = None,
) -> None:
    """List presets, detectors, layer methods and all other names that a config may give; or print a preset's YAML."""
    with user_errors():
        from search.cli.known_names import KINDS, listing
        from search.config import ConfigError, preset_names, preset_text
        from spaces.lookup import did_you_mean

        if name in preset_names():
            typer.echo(preset_text(name), nl=False)
            return
        if name is not None and name not in KINDS:
            known = [*preset_names(), *KINDS]
            raise ConfigError(
                f"No preset and no kind of names is called {name!r}.{did_you_mean(name, known)} "
                f"Presets: {', '.join(preset_names())}. Kinds: {', '.join(KINDS)}."
            )
        chosen = KINDS.values() if name is None else [KINDS[name]]
        typer.echo("\n\n".join("\n".join(listing(kind)) for kind in chosen))
