"""Where paragraphs and sentences end, found character by character in a text that streams in."""

from typing import Protocol

Gap = tuple[int, int]
"""Bytes of the document: where one stretch of text ends, and where the next one begins. Anywhere
between, in the white space, is as good a place to cut."""

ENDS = frozenset(".!?…‽؟।॥።\N{ARABIC FULL STOP}\N{ARMENIAN FULL STOP}")
"""What ends a sentence where white space follows."""

WIDE_ENDS = frozenset(
    "。｡\N{FULLWIDTH EXCLAMATION MARK}\N{FULLWIDTH QUESTION MARK}\N{FULLWIDTH FULL STOP}"
)
"""What ends a sentence whatever follows."""

CLOSERS = frozenset(
    "\"'”»)]}」』】〉》"
    "\N{RIGHT SINGLE QUOTATION MARK}"
    "\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}"
    "\N{FULLWIDTH RIGHT PARENTHESIS}"
    "\N{RIGHT TORTOISE SHELL BRACKET}"
)
"""What belongs to the sentence that has just ended."""

SHORT = {"Mr", "Mrs", "Ms", "Dr", "St", "Prof", "Capt", "Col", "Gen", "Lt", "Rev", "Jr", "Sr"}
SHORT |= {"vs", "cf", "Mme", "Mlle", "Nr", "Hr", "Fr"}
"""Words that end in a full stop within sentences."""

LONGEST_SHORT = 8


class Finder(Protocol):
    """Is shown a document's characters one after the other."""

    def feed(self, character: str, begin: int, end: int) -> Gap | None:
        """Returns the gap that ends where this character begins, if one does."""
        ...


class Paragraphs:
    """They end at white space with at least one blank line in it."""

    def __init__(self) -> None:
        self._gap_begin: int | None = None
        self._num_newlines = 0
        self._has_begun = False

    def feed(self, character: str, begin: int, end: int) -> Gap | None:
        if character.isspace():
            if self._gap_begin is None:
                self._gap_begin, self._num_newlines = begin, 0
            self._num_newlines += character == "\n"
            return None
        gap_begin, has_begun = self._gap_begin, self._has_begun
        self._gap_begin, self._has_begun = None, True
        if gap_begin is None or self._num_newlines < 2 or not has_begun:
            return None
        return gap_begin, begin


class Sentences:
    """They end behind a full stop or its like, with what closes it, and where paragraphs end.

    Not where a small letter follows, nor behind an initial or a title such as ``Mr.``.
    """

    def __init__(self) -> None:
        self._paragraphs = Paragraphs()
        self._end: int | None = None
        self._has_gap = self._is_wide = self._is_short = False
        self._word = ""

    def feed(self, character: str, begin: int, end: int) -> Gap | None:
        paragraph = self._paragraphs.feed(character, begin, end)
        sentence = self._ended_before(character, begin)
        self._note(character, end)
        return sentence or paragraph

    def _ended_before(self, character: str, begin: int) -> Gap | None:
        if self._end is None:
            return None
        if character.isspace():
            self._has_gap = True
            return None
        if not self._has_gap and _is_mark(character):
            return None
        gap = self._end, begin
        self._end = None
        if self._is_wide:
            return gap
        goes_on = self._is_short or character.islower() or character in ENDS
        return gap if self._has_gap and not goes_on else None

    def _note(self, character: str, end: int) -> None:
        if character in ENDS or character in WIDE_ENDS:
            is_first = self._end is None
            self._is_wide = character in WIDE_ENDS or (self._is_wide and not is_first)
            self._is_short = is_first and character == "." and _is_short(self._word)
            self._end, self._has_gap = end, False
        elif self._end is not None and not self._has_gap and character in CLOSERS:
            self._end = end
        self._word = (self._word + character)[-LONGEST_SHORT:] if character.isalpha() else ""


def _is_mark(character: str) -> bool:
    return character in ENDS or character in WIDE_ENDS or character in CLOSERS


def _is_short(word: str) -> bool:
    """One letter is an initial, but "I" is a word."""
    return word in SHORT or (len(word) == 1 and word.isupper() and word != "I")
