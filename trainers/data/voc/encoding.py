"""The text of an XML file in any encoding that Python knows; the parser itself knows only a few."""

import codecs
import re

_NOT_OF_FILES = ("idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape")
"""Codecs of Python that decode to text and are no encodings of text files."""

_WIDER = {"gb2312": "gb18030", "gbk": "gb18030", "shift_jis": "cp932"}
"""What programs on Windows write under these names holds more characters than the encoding of that name."""

_STARTS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    *(("<".encode(wide), wide) for wide in ("utf-32-le", "utf-32-be", "utf-16-le", "utf-16-be")),
)
"""First bytes that tell the encoding by themselves; UTF-32 begins as UTF-16 does, so it stands first."""

_EBCDIC = "<?xml".encode("cp037")
"""The first bytes in the encodings in which even letters have other bytes than in ASCII."""

_DECLARATION = re.compile(r"\s*<\?xml\s[^>]*?\?>", re.ASCII)
_NAME = re.compile(r"""\sencoding\s*=\s*["']([A-Za-z][A-Za-z0-9._-]*)["']""", re.ASCII)
_LONGEST_DECLARATION = 1000


def xml_text(content: bytes) -> str:
    """The text of an XML file, without its declaration: by its first bytes, the encoding it names, or UTF-8.

    Raises ValueError for an unknown encoding and for content that isn't in the encoding.
    """
    by_start = next((name for start, name in _STARTS if content.startswith(start)), None)
    named = None if by_start else _named_encoding(content)
    try:
        text = content.decode(by_start) if by_start else _decoded(content, named or "utf-8")
    except UnicodeError as error:
        if named is None and by_start is None:
            raise ValueError(f"the XML names no encoding and isn't in UTF-8 ({error})") from error
        raise ValueError(f"the XML isn't in its encoding {named or by_start} ({error})") from error
    return _DECLARATION.sub("", text, count=1) if _DECLARATION.match(text) else text


def _named_encoding(content: bytes) -> str | None:
    """The encoding that the declaration names. A wide one can't be meant: the declaration was read bytewise."""
    in_letters_of = "cp037" if content.startswith(_EBCDIC) else "latin-1"
    declaration = _DECLARATION.match(content[:_LONGEST_DECLARATION].decode(in_letters_of))
    name = _NAME.search(declaration.group()) if declaration else None
    if name is None:
        return None
    try:
        codec = codecs.lookup(name[1]).name
    except LookupError as error:
        raise ValueError(f"the XML is in an encoding that isn't known, {name[1]!r}") from error
    if codec in _NOT_OF_FILES:
        raise ValueError(f"the XML names {name[1]!r}, which is no encoding of text files")
    return "utf-8" if codec.startswith(("utf-16", "utf-32")) else codec


def _decoded(content: bytes, encoding: str) -> str:
    try:
        return content.decode(encoding)
    except LookupError as error:  # one of Python's codecs from bytes to bytes, such as zlib
        raise ValueError(f"the XML names {encoding!r}, which is no encoding of text files") from error
    except UnicodeError:
        if encoding not in _WIDER:
            raise
        return content.decode(_WIDER[encoding])
