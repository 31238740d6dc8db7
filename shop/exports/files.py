"""Writing files row by row, in memory that does not grow with them.

Nothing that is written has a name: however the process ends, the disk is as it was before.
"""

import csv
import io
import tempfile
from collections.abc import Sequence
from decimal import Decimal
from typing import IO, Final, Protocol

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.worksheet._writer import WorksheetWriter

from shop.exports.cells import Cell
from shop.exports.models import ExportFormat

UTF8_MARK: Final = "utf-8-sig"  # by which spreadsheets know UTF-8
MONEY: Final = "0.00"


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


class _NamelessWriter(WorksheetWriter):
    """Writes a sheet where nothing is to be removed after; the library's own leaves a file."""

    def cleanup(self) -> None:
        """Remove nothing."""


class XlsxFile:
    """A workbook with one sheet; texts are texts, whatever they look like."""

    def __init__(self, output: IO[bytes], *, title: str) -> None:
        """Begin it."""
        self._output = output
        self._book = Workbook(write_only=True)
        self._sheet = self._book.create_sheet(title)
        self._rows = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the book is saved
        self._sheet._writer = _NamelessWriter(self._sheet, f"/proc/self/fd/{self._rows.fileno()}")
        self._sheet._writer.write_top()

    def write(self, row: Sequence[Cell]) -> None:
        """Add a row; an amount is a number that shows two decimals."""
        self._sheet.append([self._cell(value) for value in row])

    def close(self) -> None:
        """Finish it."""
        with self._rows:
            self._book.save(self._output)

    def _cell(self, value: Cell) -> object:
        if not isinstance(value, Decimal):
            return value
        # Its types forget the decimals that it takes.
        cell = WriteOnlyCell(self._sheet, value=value)  # type: ignore[arg-type]
        cell.number_format = MONEY
        return cell


def open_file(output: IO[bytes], file_format: ExportFormat, *, title: str) -> File:
    """Begin a file."""
    is_csv = file_format is ExportFormat.CSV
    return CsvFile(output) if is_csv else XlsxFile(output, title=title)
