"""`data.annotations` and `data.images`: which sets' files a config may name, and where they lie."""

from pathlib import Path

import pytest

from search.config import ConfigError, load_config
from search.plan.sources import image_sets, settled

CONFIG = "name: a\ndata: {format: voc, root: data, annotations: {train: xml}}\nstudent: {detector: ssd_resnet18}\n"


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            ["data.annotations={tset: fixed}"],
            r"data\.annotations\.tset: names the files of a set 'tset' that nothing reads; the sets are train",
        ),
        (["data.images={default: photos}"], r"data\.images\.default: names the files of a set 'default' that nothing"),
        (
            ["data.images={test: photos}", "data.hold_out={test: 0.2}"],
            r"data\.images\.test: .* that nothing reads; the sets are train, val",
        ),
        (
            ["data={format: shapes, images: {train: photos}}"],
            r"data\.images: is given, but data\.format is shapes, whose files are generated; leave it out",
        ),
    ],
)
def test_files_that_nothing_reads_are_refused_when_the_config_is_read(written, overrides, message):
    with pytest.raises(ConfigError, match=message):
        load_config(written(CONFIG), overrides)


def test_files_in_the_folder_of_the_data_move_with_it(written, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = load_config(written(CONFIG), [f"data.images={{train: {tmp_path}/data/photos, val: /elsewhere/photos}}"])
    data = settled(config, None).data
    assert (data.annotations, data.images) == ({"train": "xml"}, {"train": "photos", "val": "/elsewhere/photos"})
    named = image_sets(data).named
    assert named.annotations == {"train": tmp_path / "data" / "xml"}
    moved = image_sets(settled(config.model_copy(update={"data": data}), Path("new")).data).named
    assert moved.annotations == {"train": tmp_path / "new" / "xml"}
    assert moved.images == {"train": tmp_path / "new" / "photos", "val": Path("/elsewhere/photos")}
