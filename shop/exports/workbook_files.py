"""Writing a workbook row by row; apart, because its library takes long to import.

Like any file that is written here it has no name while it is.
"""

import tempfile
from collections.abc import Sequence
from decimal import Decimal
from typing import IO, Final

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.worksheet._writer import WorksheetWriter

from shop.exports.cells import Cell

MONEY: Final = "0.00"


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
