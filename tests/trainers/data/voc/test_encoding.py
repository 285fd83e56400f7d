"""Annotations in any encoding that Python knows."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainers.data.errors import DataError
from trainers.data.voc.annotation import parse_annotation, parse_objects

NAMES = {
    "ascii": "cat",
    "utf-8": "猫 и ñ",
    "utf-16": "猫",
    "utf-16-le": "猫",
    "utf-16-be": "猫",
    "utf-32": "猫",
    "utf-32-le": "猫",
    "utf-7": "猫",
    "gb2312": "猫",
    "gbk": "貓",
    "gb18030": "貓",
    "hz": "猫",
    "big5": "貓",
    "shift_jis": "ねこ",
    "cp932": "ねこ",
    "euc_jp": "ねこ",
    "iso2022_jp": "ねこ",
    "euc_kr": "고양이",
    "johab": "고양이",
    "latin-1": "chaton né",
    "iso8859-2": "kočka",
    "cp1250": "kočka",
    "cp1251": "кошка",
    "koi8-r": "кошка",
    "cp1252": "œil né",
    "mac-roman": "chaton né",
    "cp874": "แมว",
    "cp037": "chaton né",
    "cp500": "chaton né",
}
"""A class name for each encoding that it can hold; the last two have other bytes even for letters."""


PYTHONS_OWN = ("idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined")


def xml(name, encoding=None, box=(11, 21, 30, 60)):
    declaration = f'<?xml version="1.0" encoding="{encoding}"?>\n' if encoding else ""
    corners = "".join(
        f"<{key}>{value}</{key}>" for key, value in zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True)
    )
    size = "<size><width>100</width><height>80</height></size>"
    return f"{declaration}<annotation>{size}<object><name>{name}</name><bndbox>{corners}</bndbox></object></annotation>"


def boxes(content, name):
    """The boxes, all of one class."""
    annotation = parse_annotation(content, "a.xml")
    return parse_objects(annotation, {name: 1}, annotation.size).boxes.tolist()


def reason(content):
    with pytest.raises(DataError) as caught:
        parse_annotation(content, "a.xml")
    assert caught.value.where == "a.xml"
    return caught.value.reason


@pytest.mark.parametrize("encoding", NAMES)
def test_a_declared_encoding_is_read(encoding):
    name = NAMES[encoding]
    assert boxes(xml(name, encoding).encode(encoding), name) == [[10, 20, 30, 60]]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be"])
def test_unicode_needs_no_declaration(encoding):
    assert boxes(xml("猫").encode(encoding), "猫") == [[10, 20, 30, 60]]


def test_the_bytes_count_where_the_declaration_names_another_unicode():
    """C# declares UTF-16 in files that it writes as UTF-8."""
    assert boxes(xml("猫", "utf-16").encode(), "猫") == [[10, 20, 30, 60]]
    assert boxes(xml("猫", "gb2312").encode("utf-8-sig"), "猫") == [[10, 20, 30, 60]]
    assert boxes(xml("猫", "utf-8").encode("utf-16"), "猫") == [[10, 20, 30, 60]]


@pytest.mark.parametrize(
    ("named", "written", "name"), [("GB2312", "gbk", "貓"), ("gbk", "gb18030", "㐂𠀀"), ("Shift_JIS", "cp932", "①髙")]
)
def test_what_windows_writes_under_a_narrower_name_is_read(named, written, name):
    assert boxes(xml(name, named).encode(written), name) == [[10, 20, 30, 60]]


@pytest.mark.parametrize(
    "declaration",
    ["<?xml version='1.0' encoding = 'GBK' standalone='yes' ?>", '\n<?xml version="1.1" encoding="gbk"?>'],
)
def test_a_declaration_may_be_written_in_other_ways(declaration):
    assert boxes((declaration + xml("猫")).encode("gbk"), "猫") == [[10, 20, 30, 60]]


def test_without_a_declaration_only_unicode_is_read():
    text = reason(xml("照片").encode("gbk"))
    assert text.startswith("the XML names no encoding and isn't in UTF-8 ('utf-8' codec can't decode byte 0xd5")


def test_content_in_another_encoding_than_declared_is_refused():
    assert reason(xml("né", "utf-8").encode("latin-1")).startswith("the XML isn't in its encoding utf-8 (")
    assert reason(xml("né", "ascii").encode("latin-1")).startswith("the XML isn't in its encoding ascii (")
    assert reason(b"\xff\xfe" + xml("cat").encode("utf-16-le") + b"<").startswith(
        "the XML isn't in its encoding utf-16 ("
    )


@pytest.mark.parametrize("encoding", ["no-such", "aliases", "x" * 500])
def test_an_unknown_encoding_is_refused(encoding):
    assert reason(xml("cat", encoding).encode()) == f"the XML is in an encoding that isn't known, {encoding!r}"


@pytest.mark.parametrize(
    "encoding",
    [
        "base64",
        "bz2",
        "hex",
        "quopri",
        "rot13",
        "uu",
        "zlib",
        "zip",
        "idna",
        "punycode",
        "unicode_escape",
        "raw_unicode_escape",
        "undefined",
    ],
)
def test_codecs_that_are_no_encodings_of_text_files_are_refused(encoding):
    text = reason(xml("cat", encoding).encode())
    assert text.startswith("the XML names '")
    assert text.endswith("', which is no encoding of text files")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-7", "gbk", "cp037"])
def test_entities_and_document_types_stay_refused_in_every_encoding(encoding):
    bomb = f'<?xml version="1.0" encoding="{encoding}"?><!DOCTYPE a [<!ENTITY b "c">]><annotation>&b;</annotation>'
    expected = "the XML declares a document type or entities, which annotations may not"
    assert reason(bomb.encode(encoding)) == expected


def test_half_characters_are_broken_xml():
    assert "broken XML" in reason(b'<?xml version="1.0" encoding="utf-7"?><annotation>+2AA-</annotation>')


DECIMALS = st.text("0123456789", max_size=30).map(lambda digits: f".{digits}" if digits else "")


@settings(deadline=None)
@given(st.sampled_from(sorted(NAMES)), st.integers(-2, 2), st.integers(-2, 2), DECIMALS)
def test_any_encoding_with_any_offset_and_any_decimals(encoding, across, down, decimals):
    """A box of 41 to 60 and 31 to 50 is moved by whole pixels, and by a fraction that all corners have."""
    name, fraction = NAMES[encoding], float(f"0{decimals}")
    low_x, low_y, high_x, high_y = (41 + across, 31 + down, 60 + across, 50 + down)
    box = [f"{value}{decimals}" for value in (low_x, low_y, high_x, high_y)]
    [corners] = boxes(xml(name, encoding, box).encode(encoding), name)
    expected = [low_x - 1 + fraction, low_y - 1 + fraction, high_x + fraction, high_y + fraction]
    assert corners == pytest.approx(expected, abs=1e-5)


@settings(deadline=None)
@given(st.sampled_from(sorted(NAMES)), st.integers(-2, 2), st.integers(-2, 2), st.integers(-2, 2), st.integers(-2, 2))
def test_a_box_round_the_whole_image_is_clipped_to_what_is_in_it(encoding, left, top, right, bottom):
    name = NAMES[encoding]
    box = (1 + left, 1 + top, 100 + right, 80 + bottom)
    expected = [max(left, 0), max(top, 0), 100 + min(right, 0), 80 + min(bottom, 0)]
    assert boxes(xml(name, encoding, box).encode(encoding), name) == [expected]
