"""What the teachers of a run reach on its test images, beside which its detectors are shown: measured once in a run."""

import json
from collections.abc import Mapping
from pathlib import Path

from torch import nn

from search.config import Config
from search.run.folder import RunFolder, read_json
from search.stages.detector_result import Figures, figures_on
from trainers.data.decoded import Decoded
from trainers.whole_files import digest_of, write_whole


def teachers_on(test: Decoded, config: Config, folder: RunFolder, teachers: Mapping[str, nn.Module]) -> Figures:
    """The figures by teacher, kept in `teachers_test.json`.

    Measured anew on other images, and of a teacher whose file is another one: its own in the run, or the given one.
    """
    file, images = folder.path / "teachers_test.json", test.fingerprint()
    kept = read_json(file) if file.is_file() else {}
    for name, network in teachers.items():
        given = config.teachers[name]
        weights = Path(str(given.weights)) if given.is_given else folder.teacher(name)
        known = {"test_images": images, "sha256": digest_of(weights)}
        if not known.items() <= kept.get(name, {}).items():
            kept[name] = {**known, "figures": figures_on(network, test)}
            write_whole(file, json.dumps(kept, indent=2).encode())
    return {name: kept[name]["figures"] for name in teachers}
