"""Writing files row by row, in memory that does not grow with them.

Nothing that is written has a name: however the process ends, the disk is as it was before.
"""

import csv
import io
from collections.abc import Sequence
from typing import IO, Final, Protocol

from shop.exports.cells import Cell
from shop.exports.models import ExportFormat

UTF8_MARK: Final = "utf-8-sig"  # by which spreadsheets know UTF-8


class File(Protocol):
    """A file that is being written."""

    def write(self, row: Sequence[Cell]) -> None:
        """Add a row."""
        ...

    def close(self) -> None:
        """Finish it."""
        ...


class CsvFile:
    """A CSV file as spreadsheets take it."""

    def __init__(self, output: IO[bytes]) -> None:
        """Begin it."""
        self._file = io.TextIOWrapper(output, encoding=UTF8_MARK, newline="")
        self._writer = csv.writer(self._file)

    def write(self, row: Sequence[Cell]) -> None:
        """Add a row; an amount is written with its two decimals."""
        self._writer.writerow(row)

    def close(self) -> None:
        """Finish it."""
        self._file.detach()  # and flush it; whoever opened the output closes it


def open_file(output: IO[bytes], file_format: ExportFormat, *, title: str) -> File:
    """Begin a file."""
    if file_format is ExportFormat.CSV:
        return CsvFile(output)
    # Not above: few processes ever write a workbook, and all would import its library.
    from shop.exports.workbook_files import XlsxFile  # noqa: PLC0415 - see above

    return XlsxFile(output, title=title)
