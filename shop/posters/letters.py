"""What a poster's font can show, and how texts of strangers are made fit to be drawn."""

import unicodedata
from collections.abc import Callable
from typing import Final

# Nothing longer is looked at: a text that is cut anyway must not cost time.
LONGEST: Final = 120
MISSING: Final = "□"
ELLIPSIS: Final = "…"
# Marks that pile up on a letter, whatever cannot be seen or turns the line around, and symbols
# that are pictures: emoji and what changes their colour.
_DROPPED: Final = frozenset({"Cc", "Cf", "Co", "Cn", "Cs", "Mn", "Mc", "Me", "Zl", "Zp"})
_PICTURES: Final = frozenset({"So", "Sk"})


def _of_gb2312() -> set[str]:
    """Return the characters of GB2312: the Chinese of everyday and of names, and its signs."""
    found: set[str] = set()
    for row in range(0xA1, 0xF8):
        for cell in range(0xA1, 0xFF):
            text = bytes((row, cell)).decode("gb2312", "ignore")
            found.update(text)
    return found


# Of names, and not in GB2312.
IN_NAMES: Final = frozenset("珺玥喆堃甯祎翀赟昇旸彧焱燚犇骉镕珝邨玙璟瑄芃苼暐曈晞晢囍")
LATIN: Final = frozenset(map(chr, [*range(0x20, 0x7F), *range(0xA0, 0x100)])) - {"\xad"}
COVERED: Final = frozenset(
    _of_gb2312() | IN_NAMES | LATIN | {MISSING, ELLIPSIS, "•", "€", "–", "\u2212"}
)


def clean(text: str) -> str:
    """Return the text as it may be drawn, in one line: a box for each letter we have not.

    Composed, without control characters, direction marks, piled-up accents and emoji. The font
    is drawn letter by letter, so that no script turns the line around.
    """
    shown: list[str] = []
    for character in unicodedata.normalize("NFC", text[:LONGEST]):
        category = unicodedata.category(character)
        if character.isspace():
            shown.append(" ")
        elif character in COVERED:
            shown.append(character)
        elif category not in _DROPPED and category not in _PICTURES:
            shown.append(MISSING)
    return " ".join("".join(shown).split())


def fit(text: str, most: float, length: Callable[[str], float]) -> str:
    """Return the text, cut with an ellipsis when it is longer than `most` pixels."""
    if length(text) <= most:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if length(text[:middle].rstrip() + ELLIPSIS) <= most:
            low = middle
        else:
            high = middle - 1
    return text[:low].rstrip() + ELLIPSIS


def wrap(text: str, most: float, length: Callable[[str], float], *, lines: int) -> list[str]:
    """Return the text in at most so many lines, the last one cut; between any two letters.

    A word of Latin letters stays whole when it begins in the second half of its line.
    """
    found: list[str] = []
    rest = text
    while rest and len(found) < lines - 1 and length(rest) > most:
        end = len(rest)
        while end > 1 and length(rest[:end]) > most:
            end -= 1
        space = rest.rfind(" ", end // 2, end + 1)
        end = space if space > 0 else end
        found.append(rest[:end].strip())
        rest = rest[end:].strip()
    return [*found, fit(rest, most, length)] if rest else found
