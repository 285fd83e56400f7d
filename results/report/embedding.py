"""What a page carries inside itself: data and scripts, as text that can't leave its element."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json

_ESCAPES = {ord(one): f"\\u{ord(one):04x}" for one in "<>&\u2028\u2029"}


def script_json(value: object) -> str:
    """JSON for a script element: no character of it can end the element or begin another one.

    ValueError for NaN and infinities, which JSON lacks.
    """
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).translate(_ESCAPES)


def packed(text: str) -> str:
    """A text as gzip in base64: the same bytes each time."""
    return base64.b64encode(gzip.compress(text.encode("utf-8", "replace"), 6, mtime=0)).decode("ascii")


def script_source(text: str) -> str:
    """The source expression by which a page's security policy allows this one script."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}'"
