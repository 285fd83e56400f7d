"""What a training ends with: a table of figures on the test images."""

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from search.stages.detector_result import Result


def print_result(result: "Result", how: str) -> None:
    """Print the figures of a trained detector beside those of its teachers, and where it lies."""
    from search.cli.tables import print_rows

    rows = [{"detector": f"{how} {result.id}", **result.test}]
    if result.twin_test:
        rows.append({"detector": "its real-valued twin", **result.twin_test})
    rows += [{"detector": f"its teacher {name}", **figures} for name, figures in result.teachers_test.items()]
    print_rows(rows)
    typer.echo(f"Measured on the test images. The {how} detector is {result.checkpoint}.")
