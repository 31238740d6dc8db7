"""Texts with placeholders: checked when saved, filled in one pass, cut at whole characters.

Nothing is evaluated and nothing that was filled in is looked at again, so that a campaign called
`{link}` or `{{7*7}}` is only a strange name.
"""

import re
import unicodedata
from collections.abc import Callable, Collection, Mapping
from typing import Final

from kit.errors import Malformed

PLACEHOLDER: Final = re.compile(r"\{([a-z_]{1,20})\}")
# What a client of a chat may make a link of by itself.
_LINK: Final = re.compile(r"://|\bwww\.|[0-9a-z\u3400-\u9fff-]\.[a-z]{2,}", re.IGNORECASE)
_LABEL: Final = re.compile(r"\]\((?!\{link\}\))")
_DOT: Final = re.compile(r"(?<=\S)\.(?=[^\W\d_])")
_BLANKS: Final = re.compile(r"\s+")
# Signs that mean something in a robot's markdown become their wide twins, which mean nothing.
_WIDE: Final = {ord(letter): chr(ord(letter) + 0xFEE0) for letter in "[]()<>*_`#|~@&\\!{}"}
_JOINER: Final = "\u200d"


class BadTemplate(Malformed):
    """A text names what there is not, holds a link of its own, or may grow too long; `reason`."""

    code = "outreach.bad_template"
    title = "The template cannot be used"
    message = "模板内容有误"


def check_placeholders(text: str, known: Collection[str]) -> None:
    """Raise `BadTemplate` for a placeholder that is not known, or a brace that belongs to none."""
    for name in PLACEHOLDER.findall(text):
        if name not in known:
            raise BadTemplate(
                reason=f"there is no {{{name}}}; known are {', '.join(sorted(known))}"
            )
    if re.search(r"[{}]", PLACEHOLDER.sub("", text)):
        raise BadTemplate(reason="a brace belongs to no placeholder")


def check_links(text: str) -> None:
    """Raise `BadTemplate` when the text holds a link that is not {link}, a mention or markup."""
    bare = PLACEHOLDER.sub(" ", text)
    if _LINK.search(bare):
        raise BadTemplate(reason="a link of its own; {link} is the only one")
    if _LABEL.search(text):
        raise BadTemplate(reason="a label leads somewhere else than to {link}")
    if "<" in text or "@" in text:
        raise BadTemplate(reason="a mention, or markup with < or @")


def check_printable(text: str) -> None:
    """Raise `BadTemplate` for control and direction characters; line feeds are fine."""
    if any(_is_unseen(letter) and letter != "\n" for letter in text):
        raise BadTemplate(reason="characters that nobody sees")


def fill(text: str, values: Mapping[str, str]) -> str:
    """Return the text with each placeholder replaced by its value, once."""
    return PLACEHOLDER.sub(lambda found: values[found[1]], text)


def clean(value: str) -> str:
    """Return somebody's words on one line, without unseen characters or anything like a link."""
    seen = "".join(" " if letter.isspace() else letter for letter in value if _is_kept(letter))
    flat = _BLANKS.sub(" ", seen).strip()
    return _DOT.sub("．", flat).replace("://", "：／／")


def for_markdown(value: str) -> str:
    """Return cleaned words that mean nothing in a robot's markdown."""
    return clean(value).translate(_WIDE)


def cut(text: str, most: int, *, measure: Callable[[str], int] = len) -> str:
    """Return the text, or as much of it as fits with an ellipsis, ending with a whole character."""
    if measure(text) <= most:
        return text
    kept = text
    while kept and measure(kept) > most - measure("…"):
        kept = _without_last(kept)
    return f"{kept}…" if kept else ""


def in_bytes(text: str) -> int:
    """Return how many bytes the text has in UTF-8."""
    return len(text.encode())


def _without_last(text: str) -> str:
    """Return the text without its last character as a reader sees it, marks and joints included."""
    kept = text[:-1]
    while kept and (_is_mark(text[len(kept)]) or kept[-1] == _JOINER):
        kept = kept[:-1]
    return kept


def _is_mark(letter: str) -> bool:
    is_skin_tone = "\U0001f3fb" <= letter <= "\U0001f3ff"
    return letter == _JOINER or is_skin_tone or unicodedata.category(letter) in ("Mn", "Me", "Mc")


def _is_kept(letter: str) -> bool:
    return letter.isspace() or letter == _JOINER or not _is_unseen(letter)


def _is_unseen(letter: str) -> bool:
    return unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
