import base64
import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from results.report.embedding import packed, script_json, script_source


@given(st.text() | st.sampled_from(["</script>", "<!--<script>", "\u2028", "&lt;"]))
def test_no_text_leaves_its_script_element(text):
    embedded = script_json({text: [text]})
    assert not set("<>&\u2028\u2029") & set(embedded)
    assert json.loads(embedded) == {text: [text]}


def test_nan_is_refused_since_json_has_none():
    with pytest.raises(ValueError, match="not JSON compliant"):
        script_json([float("nan")])


def test_packed_text_is_the_same_each_time_and_comes_back():
    assert packed("é" * 1000) == packed("é" * 1000)
    assert gzip.decompress(base64.b64decode(packed("é" * 1000))).decode() == "é" * 1000


def test_a_script_is_allowed_by_its_digest():
    """The sha256 of the empty text is e3b0c442..."""
    assert script_source("") == f"'sha256-{base64.b64encode(bytes.fromhex(SHA_OF_NOTHING)).decode()}'"


SHA_OF_NOTHING = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
