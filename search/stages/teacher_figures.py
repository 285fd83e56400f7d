"""The figures of a run's teachers on its test images, to compare its detectors with: measured once in a run."""

import json
from collections.abc import Mapping
from pathlib import Path

from torch import nn

from results import layout
from search.plan.teachers import PlannedTeacher
from search.run.folder import RunFolder, read_json
from search.stages.detector_result import Figures
from search.stages.measuring import ALONE, Spread, figures_on
from trainers.data.decoded import Decoded
from trainers.whole_files import digest_of, write_whole


def teacher_figures(
    test: Decoded,
    pool: Mapping[str, PlannedTeacher],
    run: RunFolder,
    networks: Mapping[str, nn.Module],
    spread: Spread = ALONE,
) -> Figures:
    """The figures of these networks, by teacher, kept in `teachers_test.json`.

    Measured again on other images, and for a teacher whose file has changed: the run's own, or the given one.
    """
    file, images = run.path / layout.TEACHERS_TEST, test.fingerprint()
    noted = read_json(file) if file.is_file() else {}
    for name, network in networks.items():
        weights = run.teacher(name) if pool[name].given is None else Path(str(pool[name].section.weights))
        identity = {"test_images": images, "sha256": digest_of(weights)}
        if not identity.items() <= noted.get(name, {}).items():
            noted[name] = {**identity, "figures": figures_on(network, test, spread)}
            write_whole(file, json.dumps(noted, indent=2).encode())
    return {name: noted[name]["figures"] for name in networks}
