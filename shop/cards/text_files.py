"""Reading a CSV or TXT file line by line, whatever its encoding and separator."""

import codecs
import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Final

from shop.cards.code_lines import Cell, Fault, FileRefused, Line

LONGEST_LINE_BYTES: Final = 4096
SEPARATORS: Final = "\t;,"  # the first of them wins among equals
SAMPLE_LINES: Final = 200

_PIECE_BYTES: Final = 1 << 16
_UTF_16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read_lines(path: Path) -> Iterator[Line]:
    """Return the lines, each decoded and divided, or with the fault that hides it.

    Holds one line at a time. Raises `FileRefused` when it is no text that we know.
    """
    with path.open("rb") as file:
        is_utf_8 = _is_utf_8(file)
        separator = _find_separator(file)
        file.seek(0)
        for number, raw in enumerate(_raw_lines(file), start=1):
            yield _line(number, raw, is_utf_8=is_utf_8, separator=separator)


def _is_utf_8(file: BinaryIO) -> bool:
    file.seek(0)
    if file.read(2) in _UTF_16:
        raise FileRefused(reason="the file is UTF-16: save it as UTF-8")
    file.seek(0)
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while piece := file.read(_PIECE_BYTES):
            decoder.decode(piece)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _find_separator(file: BinaryIO) -> str:
    """Return the separator that stands in most of the first lines."""
    file.seek(0)
    lines_with: Counter[str] = Counter()
    for _, raw in zip(range(SAMPLE_LINES), _raw_lines(file), strict=False):
        lines_with.update(mark for mark in SEPARATORS if raw and mark.encode() in raw)
    return max(reversed(SEPARATORS), key=lambda mark: lines_with[mark])


def _raw_lines(file: BinaryIO) -> Iterator[bytes | None]:
    """Return the lines as bytes, None for one that is too long; that one is skipped in pieces."""
    start = len(codecs.BOM_UTF8)
    if file.read(start) != codecs.BOM_UTF8:
        file.seek(0)
    while raw := file.readline(LONGEST_LINE_BYTES):
        if raw.endswith(b"\n") or len(raw) < LONGEST_LINE_BYTES:
            yield raw.rstrip(b"\r\n")
            continue
        while (rest := file.readline(LONGEST_LINE_BYTES)) and not rest.endswith(b"\n"):
            pass
        yield None


def _line(number: int, raw: bytes | None, *, is_utf_8: bool, separator: str) -> Line:
    if raw is None:
        return Line(number, (), Fault.TOO_LONG)
    if b"\0" in raw:
        return Line(number, (), Fault.UNPRINTABLE)
    text = raw.decode() if is_utf_8 else _decode(raw)
    if text is None:
        return Line(number, (), Fault.ENCODING)
    cells = _divide(text, separator)
    return Line(number, (), Fault.QUOTES) if cells is None else Line(number, cells)


def _decode(raw: bytes) -> str | None:
    """Decode a line of a file that is not UTF-8 as a whole.

    A line that is UTF-8 nevertheless might be either; to guess would be to change a code unseen.
    """
    if not raw.isascii():
        try:
            raw.decode()
        except UnicodeDecodeError:
            pass
        else:
            return None
    try:
        return raw.decode("gb18030")
    except UnicodeDecodeError:
        return None


def _divide(text: str, separator: str) -> Sequence[Cell] | None:
    if '"' not in text:
        return text.split(separator)
    try:
        # A quote that is not closed would go on over the following lines.
        rows = list(csv.reader([text], delimiter=separator, strict=True))
    except csv.Error:
        return None
    return rows[0] if len(rows) == 1 else None
