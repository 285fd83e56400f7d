"""`bitfront presets`: every name of every table with a line on what it is, and a preset's YAML to begin from."""

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from search.cli.app import app
from search.cli.known_names import KINDS, listing
from search.config import load_config, preset_names
from spaces.layers.methods import METHODS


def presets(*arguments):
    return CliRunner().invoke(app, ["presets", *arguments])


@pytest.mark.parametrize("kind", KINDS)
def test_each_name_of_a_table_has_a_line_that_says_what_it_is(kind):
    lines = KINDS[kind].lines()
    assert [name for name, about in lines.items() if not about or "\n" in about or len(about) > 150] == []
    assert len(set(lines.values())) == len(lines)


def test_without_a_name_all_kinds_are_listed_with_the_key_of_a_config():
    result = presets()
    assert result.exit_code == 0
    headings = [line for line in result.stdout.splitlines() if line and not line.startswith(" ")]
    assert headings == [f"{kind.title} ({kind.key}):" for kind in KINDS.values()]
    assert "\n  ssd_resnet18                SSD on ResNet-18, Bi-Real layout\n" in result.stdout
    assert (
        "\n  int4         4 bits, LSQ (arXiv:1902.08153): the steps of inputs and weights are learned\n"
        in result.stdout
    )


def test_a_kind_is_listed_alone():
    assert presets("samplers").stdout == "\n".join(listing(KINDS["samplers"])) + "\n"


def test_a_presets_yaml_begins_a_config(tmp_path):
    result = presets("demo")
    (tmp_path / "mine.yaml").write_text(result.stdout)
    assert load_config(tmp_path / "mine.yaml") == load_config("demo")
    assert result.stdout.startswith("# A whole search in minutes on two cores, on images that the project generates")


def test_no_kind_has_a_presets_name():
    assert set(KINDS).isdisjoint(preset_names())


def test_an_unknown_name_is_answered_with_the_nearest_and_all():
    result = presets("dem")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("Error: No preset and no kind of names is called 'dem'. Did you mean 'demo'? Pres")
    assert "Kinds: presets, detectors, methods, " in result.stderr


def test_an_option_tells_which_methods_take_it():
    lines = KINDS["options"].lines()
    assert lines["prelu"] == "a PReLU per channel behind the shortcut; of sign, bireal"
    assert lines["soft"].endswith("; of dbs")


def test_a_part_that_says_nothing_of_itself_is_listed_by_its_name(monkeypatch):
    monkeypatch.setitem(METHODS, "mine", METHODS["real"].__class__(32, 32, METHODS["real"].build))
    assert "  mine" in listing(KINDS["methods"])


def test_presets_and_formats_need_no_torch():
    code = "import sys; from search.cli.app import app; "
    code += "[app(['presets', name], standalone_mode=False) for name in ('demo', 'presets', 'formats')]; "
    code += "print(sorted(sys.modules.keys() & {'torch', 'ray', 'pandas'}), file=sys.stderr)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stderr == "[]\n"
