"""A line of a code file: its columns, what makes it a card, and what is wrong with it."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from enum import StrEnum
from typing import Final

from kit.clock import SHANGHAI, business_day_bounds
from kit.errors import Malformed
from shop.cards.batches import NewCard
from shop.cards.vault import CardSecret, normalise

SHORTEST_CODE: Final = 4
LONGEST_CODE: Final = 128
SHOWN_OF_A_CODE: Final = 2  # its last characters, and none of a short one
SHOWN_FROM: Final = 8

# A spreadsheet takes a text that begins so for a formula; no code does ("-" stands in many).
_FORMULA: Final = ("=", "+", "@")
_SEPARATORS: Final = frozenset(",;\t\"'")
_ROUNDED: Final = re.compile(r"\d[.,]\d+E\+\d+", re.IGNORECASE)
_MOMENT: Final = re.compile(
    r"(?P<year>\d{4})[-/.年](?P<month>\d{1,2})[-/.月](?P<day>\d{1,2})日?"
    r"(?:[ T](?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2}))?)?"
)
_COMPACT: Final = re.compile(r"(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})")

_NUMBER_NAMES: Final = frozenset({"卡号", "卡号码", "card no", "card number"})
_SECRET_NAMES: Final = frozenset({"卡密", "兑换码", "激活码", "券码", "cdk", "cdkey"})
_CODE_NAMES: Final = frozenset({"code", "card code"}) | _NUMBER_NAMES | _SECRET_NAMES
_PASSWORD_NAMES: Final = frozenset({"password", "pin", "密码", "卡密码"})
_EXPIRY_NAMES: Final = frozenset(
    {"expires", "expires at", "expiry", "有效期", "有效期至", "到期日"}
)


class FileRefused(Malformed):
    """The file as a whole cannot be read as a list of codes."""

    code = "cards.file_refused"
    title = "The file cannot be read as a list of codes"
    message = "无法读取该卡密文件"


class Fault(StrEnum):
    """What is wrong with a line, in words for the operator."""

    EMPTY = "no code"
    SHORT = "code shorter than 4 characters"
    LONG = "code longer than 128 characters"
    UNPRINTABLE = "characters that cannot be printed"
    FOREIGN = "code with characters other than letters, digits and ASCII signs"
    FORMULA = "a formula, not a code"
    SEPARATOR = "separator or quote inside the code"
    ROUNDED = "a number that the spreadsheet has rounded: format the column as text"
    NOT_TEXT = "neither text nor a whole number"
    PASSWORD = "password is longer than 128 characters, unprintable or a formula"  # noqa: S105 - it names a fault
    BAD_DATE = "expiry is not a date"
    EXPIRED = "expired"
    COLUMNS = "more columns than code, password, expiry"
    QUOTES = "quotes that do not end on the line"
    TOO_LONG = "line too long"
    ENCODING = "neither UTF-8 nor GB18030, or both in one file"
    DUPLICATE = "the same code stands further up in the file"
    KNOWN = "code known already"


# A `datetime` is a date too, and a `Fault` a text: it stands where a cell could not be taken.
Cell = str | date


@dataclass(frozen=True, slots=True)
class Line:
    """A line as it was read: its number from 1, and its cells or the fault that hid them."""

    number: int
    cells: Sequence[Cell] = field(repr=False)
    fault: Fault | None = None

    @property
    def is_empty(self) -> bool:
        """Say whether nothing at all stands on the line."""
        return self.fault is None and not any(map(_is_filled, self.cells))


@dataclass(frozen=True, slots=True)
class BadLine:
    """A refused line; of its code no more is shown than helps to find it."""

    number: int
    fault: Fault
    masked: str = ""


@dataclass(frozen=True, slots=True)
class Columns:
    """Where the parts of a card stand; `is_named` when a header says so."""

    code: int = 0
    password: int | None = 1
    expiry: int | None = 2
    is_named: bool = False

    @property
    def most(self) -> int | None:
        """Return how many cells a line may have; with a header there may be others beside."""
        return None if self.is_named else 3


def read_header(cells: Sequence[Cell]) -> Columns | None:
    """Return the columns that a header names, or None when it is none; raises `FileRefused`."""
    names = [_plain_name(cell) for cell in cells]
    known = _CODE_NAMES | _PASSWORD_NAMES | _EXPIRY_NAMES
    if not known & set(names):
        return None
    if any(names.count(name) > 1 for name in known & set(names)):
        raise FileRefused(reason="two columns have the same name")
    found = {kind: [at for at, name in enumerate(names) if name in kind] for kind in _KINDS}
    codes, passwords = found[_CODE_NAMES], found[_PASSWORD_NAMES]
    if not passwords and len(codes) == 2 and names[codes[0]] in _NUMBER_NAMES:
        # "卡号, 卡密": beside a card number, what else would be the code is its password.
        codes, passwords = codes[:1], codes[1:]
    if len(codes) != 1 or len(passwords) > 1 or len(found[_EXPIRY_NAMES]) > 1:
        raise FileRefused(reason="name the columns code, password, expires, each once")
    return Columns(codes[0], _only(passwords), _only(found[_EXPIRY_NAMES]), is_named=True)


def looks_like_header(first: Sequence[Cell], second: Sequence[Cell]) -> bool:
    """Say whether a first line is more likely a header in words unknown to us than a code.

    It would be sold as a code otherwise. Codes of one file are mostly alike in length.
    """
    has_digit = any(char.isdigit() for cell in first for char in str(cell))
    return bool(first and second) and not has_digit and len(str(first[0])) != len(str(second[0]))


def read_card(line: Line, columns: Columns, *, now: datetime) -> NewCard | BadLine:
    """Return the card of a line, or what is wrong with it."""
    if line.fault is not None:
        return BadLine(line.number, line.fault)
    code = _text(line.cells, columns.code)
    password = _text(line.cells, columns.password)
    fault = _fault_of_code(code) or _fault_of_password(password)
    if columns.most is not None and any(map(_is_filled, line.cells[columns.most :])):
        fault = fault or Fault.COLUMNS
    expires_at: datetime | None = None
    if fault is None:
        expires_at, fault = _expiry(line.cells, columns.expiry, now=now)
    if fault is not None or isinstance(code, date):
        return BadLine(line.number, fault or Fault.NOT_TEXT, mask(code))
    return NewCard(line.number, CardSecret(code, str(password) or None), expires_at)


def mask(code: Cell) -> str:
    """Return what may be shown of a code: its last two characters, nothing of a short one."""
    if isinstance(code, Fault | date) or len(code) < SHOWN_FROM:
        return "…"
    tail = code[-SHOWN_OF_A_CODE:]
    return f"…{tail}" if tail.isprintable() else "…"


_KINDS: Final = (_CODE_NAMES, _PASSWORD_NAMES, _EXPIRY_NAMES)


def _plain_name(cell: Cell) -> str:
    folded = unicodedata.normalize("NFKC", str(cell)).casefold().replace("_", " ")
    return " ".join(folded.split())


def _only(places: Sequence[int]) -> int | None:
    return places[0] if places else None


def _is_filled(cell: Cell) -> bool:
    return isinstance(cell, Fault | date) or cell.strip() != ""


def _text(cells: Sequence[Cell], place: int | None) -> Cell:
    if place is None or place >= len(cells):
        return ""
    cell = cells[place]
    return cell if isinstance(cell, Fault | date) else cell.strip()


def _fault_of_code(code: Cell) -> Fault | None:
    if isinstance(code, date):
        return Fault.NOT_TEXT
    if isinstance(code, Fault):
        return code
    plain = unicodedata.normalize("NFKC", code)
    checks = (
        (not code, Fault.EMPTY),
        (len(code) > LONGEST_CODE or len(plain) > LONGEST_CODE, Fault.LONG),
        (not code.isprintable(), Fault.UNPRINTABLE),
        (plain.startswith(_FORMULA), Fault.FORMULA),
        (not plain.isascii(), Fault.FOREIGN),
        (not _SEPARATORS.isdisjoint(plain), Fault.SEPARATOR),
        (_ROUNDED.fullmatch(plain) is not None, Fault.ROUNDED),
        (len(normalise(code)) < SHORTEST_CODE, Fault.SHORT),
    )
    return next((fault for is_wrong, fault in checks if is_wrong), None)


def _fault_of_password(password: Cell) -> Fault | None:
    if isinstance(password, date):
        return Fault.NOT_TEXT
    if isinstance(password, Fault):
        return password
    if _ROUNDED.fullmatch(password):
        return Fault.ROUNDED
    is_wrong = len(password) > LONGEST_CODE or not password.isprintable()
    return Fault.PASSWORD if is_wrong or password.startswith("=") else None


def _expiry(
    cells: Sequence[Cell], place: int | None, *, now: datetime
) -> tuple[datetime | None, Fault | None]:
    cell = _text(cells, place)
    if isinstance(cell, Fault):
        return None, cell
    if cell == "":
        return None, None
    try:
        expires_at = _moment(cell) if isinstance(cell, str) else _end_of(cell)
    except (ValueError, OverflowError):
        return None, Fault.BAD_DATE
    return expires_at, None if expires_at > now else Fault.EXPIRED


def _moment(text: str) -> datetime:
    found = _MOMENT.fullmatch(text) or _COMPACT.fullmatch(text)
    if found is None:
        raise ValueError("not a date")
    parts = {name: int(part) for name, part in found.groupdict().items() if part is not None}
    day = date(parts["year"], parts["month"], parts["day"])
    if "hour" not in parts:
        return _end_of(day)
    at = time(parts["hour"], parts["minute"], parts.get("second", 0))
    return datetime.combine(day, at, tzinfo=SHANGHAI).astimezone(UTC)


def _end_of(day: date) -> datetime:
    """Return the moment in Shanghai that is meant: a day is good until it ends."""
    if isinstance(day, datetime) and day.time() != time():
        return day.replace(tzinfo=SHANGHAI).astimezone(UTC)
    return business_day_bounds(date(day.year, day.month, day.day))[1]
