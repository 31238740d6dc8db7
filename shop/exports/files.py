"""Writing files row by row, in memory that does not grow with them."""

import csv
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Final, Protocol

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell

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

    def __init__(self, path: Path) -> None:
        """Begin it."""
        self._file = path.open("w", encoding=UTF8_MARK, newline="")
        self._writer = csv.writer(self._file)

    def write(self, row: Sequence[Cell]) -> None:
        """Add a row; an amount is written with its two decimals."""
        self._writer.writerow(row)

    def close(self) -> None:
        """Finish it."""
        self._file.close()


class XlsxFile:
    """A workbook with one sheet; texts are texts, whatever they look like."""

    def __init__(self, path: Path, *, title: str) -> None:
        """Begin it."""
        self._path = path
        self._book = Workbook(write_only=True)
        self._sheet = self._book.create_sheet(title)

    def write(self, row: Sequence[Cell]) -> None:
        """Add a row; an amount is a number that shows two decimals."""
        self._sheet.append([self._cell(value) for value in row])

    def close(self) -> None:
        """Finish it."""
        self._book.save(self._path)

    def _cell(self, value: Cell) -> object:
        if not isinstance(value, Decimal):
            return value
        # Its types forget the decimals that it takes.
        cell = WriteOnlyCell(self._sheet, value=value)  # type: ignore[arg-type]
        cell.number_format = MONEY
        return cell


def open_file(path: Path, file_format: ExportFormat, *, title: str) -> File:
    """Begin a file."""
    is_csv = file_format is ExportFormat.CSV
    return CsvFile(path) if is_csv else XlsxFile(path, title=title)
