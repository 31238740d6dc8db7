"""Files of codes for the importer's tests: text, workbooks, and hostile ones."""

import io
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from openpyxl import Workbook

SHEET = "xl/worksheets/sheet1.xml"
STRINGS = "xl/sharedStrings.xml"
NAMESPACE = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


def text_file(folder: Path, content: str | bytes, *, encoding: str = "utf-8") -> Path:
    """Write a text file of codes."""
    path = folder / "codes.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return path


def workbook(folder: Path, *sheets: Iterable[Sequence[Any]]) -> Path:
    """Write a workbook, each sheet given by its rows."""
    book = Workbook(write_only=True)
    for rows in sheets:
        sheet = book.create_sheet()
        for row in rows:
            sheet.append(row)
    path = folder / "codes.xlsx"
    book.save(path)
    return path


def with_part(folder: Path, name: str, content: bytes | Iterable[bytes]) -> Path:
    """Write a small workbook one part of which is exchanged; pieces are written as they come."""
    source = workbook(folder, [["ABCD-1234"]])
    path = folder / "changed.xlsx"
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.infolist():
            if part.filename != name:
                new.writestr(part.filename, old.read(part))
        with new.open(name, "w", force_zip64=True) as file:
            for piece in [content] if isinstance(content, bytes) else content:
                file.write(piece)
    return path


def sheet_xml(rows: bytes, *, head: bytes = b"") -> bytes:
    """Return a sheet of these rows."""
    start = b'<worksheet xmlns="' + NAMESPACE.encode() + b'"><sheetData>'
    return head + start + rows + b"</sheetData></worksheet>"


def bomb(folder: Path) -> Path:
    """Write a workbook of some hundred kilobytes that unpacks to hundreds of megabytes."""
    piece = b"<row><c><v>1</v></c></row>" * 40_000
    return with_part(folder, SHEET, [sheet_xml(b"")[:-30], *[piece] * 300])


def overlapping(folder: Path) -> Path:
    """Write a workbook whose directory names one part many times."""
    source = workbook(folder, [[f"CODE-{number:08d}"] for number in range(3000)])
    with zipfile.ZipFile(source) as archive:
        part = archive.getinfo(SHEET)
        buffer = io.BytesIO(source.read_bytes())
        with zipfile.ZipFile(buffer, "a") as again:
            again.filelist.extend([part] * 40)
            again.writestr("more.txt", "x")
    path = folder / "overlapping.xlsx"
    path.write_bytes(buffer.getvalue())
    return path
