"""Code points read out of UTF-8, and the classes that regular expressions put them into."""

from functools import cache

import numba
import numpy as np
import numpy.typing as npt
from tokenizers import Regex, pre_tokenizers

Bytes = npt.NDArray[np.uint8]

OTHER, LETTER, NUMBER, SPACE = 0, 1, 2, 3
PATTERNS = {LETTER: r"\p{L}+", NUMBER: r"\p{N}+", SPACE: r"\s+"}

ASKED = 0x40000
"""Code points from here on are unassigned, private or formatting: OTHER in every Unicode so far."""


@cache
def classes() -> Bytes:
    """The class of every code point, asked from ``tokenizers``, whose Unicode version counts."""
    table = np.full(0x110000, OTHER, np.uint8)
    codes = [code for code in range(ASKED) if not 0xD800 <= code < 0xE000]
    text = "".join(map(chr, codes))
    for kind, pattern in PATTERNS.items():
        split = pre_tokenizers.Split(Regex(pattern), "removed", invert=True)
        for _, (start, end) in split.pre_tokenize_str(text):
            table[codes[start:end]] = kind
    return table


@numba.njit(cache=True, nogil=True)
def code_point(data: Bytes, at: int) -> tuple[int, int]:
    """The code point whose UTF-8 begins at ``at``, and its width in bytes; the data are valid."""
    lead = int(data[at])
    if lead < 0x80:
        return lead, 1
    if lead < 0xE0:
        return (lead & 0x1F) << 6 | int(data[at + 1] & 0x3F), 2
    if lead < 0xF0:
        high = (lead & 0x0F) << 12 | int(data[at + 1] & 0x3F) << 6
        return high | int(data[at + 2] & 0x3F), 3
    high = (lead & 0x07) << 18 | int(data[at + 1] & 0x3F) << 12
    return high | int(data[at + 2] & 0x3F) << 6 | int(data[at + 3] & 0x3F), 4
