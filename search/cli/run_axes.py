"""The axes of the search that made a run, read without what a search itself imports."""

from pathlib import Path


def axes_of_run(run: Path) -> tuple[str, str]:
    """The cost and the accuracy that its front is drawn in. Raises RunError where there is no run."""
    from search.config.schema import Config
    from search.config.strict_yaml import parse_yaml
    from search.controller.objectives import axes
    from search.errors import RunError

    file = run / "config.yaml"
    if not file.is_file():
        raise RunError(f"{run} holds no run: there is no config.yaml in it. Start one with: bitfront search CONFIG.")
    try:
        return axes(Config.model_validate(parse_yaml(file.read_text("utf-8"))).search.objectives)
    except ValueError as error:
        raise RunError(f"{file} is not as the search wrote it: {error}") from error
