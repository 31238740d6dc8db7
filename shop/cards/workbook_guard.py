"""Looking a workbook over before it is read: a small file may unpack to fill the memory."""

import zipfile
from pathlib import Path
from typing import IO, Final
from xml.parsers.expat import ExpatError, ParserCreate

from shop.cards.code_lines import FileRefused

MOST_PARTS: Final = 500
MOST_BYTES: Final = 400 << 20  # unpacked, all parts
MOST_BYTES_OF_STRINGS: Final = 96 << 20  # this part is kept in memory as a whole
MOST_BYTES_OF_OTHERS: Final = 8 << 20  # styles, themes, pictures
MOST_RATIO: Final = 100  # unpacked to packed; sheets of codes pack to about a tenth
RATIO_FROM_BYTES: Final = 1 << 20
MOST_TAGS: Final = 12_000_000
MOST_TAGS_OF_A_ROW: Final = 2_000
MOST_DEPTH: Final = 32
MOST_ROWS: Final = 1_048_576
LONGEST_TEXT: Final = 1 << 16
_PIECE_BYTES: Final = 1 << 16
_SHEETS: Final = "xl/worksheets/sheet"
_STRINGS: Final = "xl/sharedStrings.xml"
_UNITS: Final = frozenset({"row", "si"})  # what a reader holds at once


def check_workbook(path: Path) -> None:
    """Raise `FileRefused` unless the workbook unpacks to a bounded size, in small rows.

    The sizes that it states are binding: what is longer does not unpack.
    """
    tags = 0
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
            _check_sizes(parts, path.stat().st_size)
            for part in parts:
                if part.filename.startswith(_SHEETS) or part.filename == _STRINGS:
                    with archive.open(part) as file:
                        tags += _count_tags(file, root=_root_of(part.filename))
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, ExpatError):
        # RuntimeError is what an encrypted part leads to.
        raise FileRefused(reason="not a workbook that can be read") from None
    if tags > MOST_TAGS:
        raise FileRefused(reason="the workbook is too large")


def _check_sizes(parts: list[zipfile.ZipInfo], size: int) -> None:
    # Parts that overlap in the file add up to more than the file.
    if len(parts) > MOST_PARTS or sum(part.compress_size for part in parts) > size:
        raise FileRefused(reason="not a workbook that can be read")
    if sum(part.file_size for part in parts) > MOST_BYTES or any(map(_is_too_large, parts)):
        raise FileRefused(reason="the workbook is too large")


def _is_too_large(part: zipfile.ZipInfo) -> bool:
    if part.file_size > max(RATIO_FROM_BYTES, part.compress_size * MOST_RATIO):
        return True
    if part.filename.startswith(_SHEETS):
        return False
    most = MOST_BYTES_OF_STRINGS if part.filename == _STRINGS else MOST_BYTES_OF_OTHERS
    return part.file_size > most


def _root_of(name: str) -> str:
    return "sst" if name == _STRINGS else "worksheet"


def _count_tags(file: IO[bytes], *, root: str) -> int:
    counter = _Counter(root)
    parser = ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = counter.refuse  # whoever declares entities means harm
    parser.StartElementHandler = counter.start
    parser.EndElementHandler = counter.end
    parser.CharacterDataHandler = counter.text
    while piece := file.read(_PIECE_BYTES):
        parser.Parse(piece, False)
    parser.Parse(b"", True)
    return counter.tags


class _Counter:
    """Counts what a reader of the part would have to hold at once."""

    def __init__(self, root: str) -> None:
        self.tags = 0
        self._root = root
        self._of_unit = 0
        self._depth = 0
        self._text = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        local = name.rpartition(" ")[2]
        if self.tags == 0 and local != self._root:
            self.refuse()
        self.tags += 1
        self._depth += 1
        self._of_unit = 0 if local in _UNITS else self._of_unit + 1
        self._text = 0
        if local == "row" and not _is_row_number(attributes.get("r", "1")):
            self.refuse()  # a reader would fill the gap before it
        if self._of_unit > MOST_TAGS_OF_A_ROW or self._depth > MOST_DEPTH or len(attributes) > 50:
            self.refuse()

    def end(self, _name: str) -> None:
        self._depth -= 1
        self._text = 0

    def text(self, text: str) -> None:
        self._text += len(text)
        if self._text > LONGEST_TEXT:
            self.refuse()

    def refuse(self, *_what: object) -> None:
        raise FileRefused(reason="the workbook is not built as a list of codes")


def _is_row_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and int(text) <= MOST_ROWS
