"""Reading an XLSX workbook row by row, quietly, as lines of a code file."""

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any, Final, TypeVar

from shop.cards.code_lines import Cell, Fault, FileRefused, Line
from shop.cards.workbook_guard import check_workbook

MOST_COLUMNS: Final = 20
LONGEST_WHOLE_NUMBER: Final = 15  # digits; a spreadsheet keeps no more
AT_ONCE: Final = 1000  # rows

_Result = TypeVar("_Result")


def read_lines(path: Path) -> Iterator[Line]:
    """Return the rows of the only sheet that is filled; raises `FileRefused`."""
    # Not above: few processes ever read a workbook, and all would import its library.
    from openpyxl import load_workbook  # noqa: PLC0415 - see above

    check_workbook(path)
    # Formulas are wanted as formulas, so that their lines are refused, not as their last results.
    with path.open("rb") as file:  # by its path, the library would go by the name's ending
        workbook = _quietly(lambda: load_workbook(file, read_only=True, data_only=False))
        try:
            rows = _only_filled_sheet(workbook)
            number = 0
            while some := _quietly(lambda: list(islice(rows, AT_ONCE))):
                for row in some:
                    number += 1
                    yield Line(number, [_cell(cell) for cell in row])
        finally:
            workbook.close()


def _quietly(call: Callable[[], _Result]) -> _Result:
    """Call the library; its warnings and errors may quote cells, so nobody sees them."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return call()
    except FileRefused:
        raise
    except Exception:
        raise FileRefused(reason="not a workbook that can be read") from None


def _only_filled_sheet(workbook: Any) -> Iterator[Sequence[Any]]:
    filled = []
    for sheet in workbook.worksheets:
        sheet.reset_dimensions()  # what a workbook says of its own size may be wrong
        if _quietly(lambda: _is_filled(_rows(sheet))):  # noqa: B023 - called at once
            filled.append(sheet)
    if len(filled) > 1:
        raise FileRefused(reason="more than one sheet of the workbook is filled")
    return _rows(filled[0]) if filled else iter(())


def _rows(sheet: Any) -> Iterator[Sequence[Any]]:
    rows: Iterator[Sequence[Any]] = sheet.iter_rows(max_col=MOST_COLUMNS)
    return rows


def _is_filled(rows: Iterable[Sequence[Any]]) -> bool:
    return any(cell.value is not None for row in rows for cell in row)


def _cell(cell: Any) -> Cell:
    value = cell.value
    if cell.data_type == "f":
        return Fault.FORMULA
    if value is None:
        return ""
    if cell.data_type == "e" or isinstance(value, bool):
        return Fault.NOT_TEXT
    if isinstance(value, str | date):
        return value
    return _whole_number(value)


def _whole_number(value: object) -> Cell:
    if not isinstance(value, int | float) or value < 0 or value % 1:
        return Fault.NOT_TEXT
    if value >= 10**LONGEST_WHOLE_NUMBER:
        return Fault.ROUNDED
    return str(int(value))
