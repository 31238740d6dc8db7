"""A file of codes becomes a batch: looked through first, then imported, whole or not at all."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain, islice
from pathlib import Path
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from kit.db import Begin
from kit.errors import Conflict
from shop.cards import queries, text_files, workbooks
from shop.cards.batches import CHUNK, Added, NewCard, Origin, Progress, add_batch
from shop.cards.code_lines import (
    BadLine,
    Columns,
    Fault,
    FileRefused,
    Line,
    looks_like_header,
    mask,
    read_card,
    read_header,
)
from shop.cards.vault import Vault

MOST_LINES: Final = 1_048_576  # as many as a sheet has
MOST_BYTES: Final = 256 << 20
KEPT_ERRORS: Final = 20
SHORT_HASH_BYTES: Final = 16  # enough to tell a million codes apart

_WORKBOOK: Final = b"PK\x03\x04"
_OLD_WORKBOOK: Final = b"\xd0\xcf\x11\xe0"  # .xls, or a workbook with a password
_ONLY_ONE_IMPORTS: Final = 7_305_914_862

OnError = Callable[[BadLine], None]


class FileKnown(Conflict):
    """The same file was imported before, and that batch was not undone."""

    code = "cards.file_known"
    title = "The file was imported before"
    message = "该文件已导入过"


class FileHasFaults(Conflict):
    """Lines of the file are refused, so nothing of it is imported."""

    code = "cards.file_has_faults"
    title = "Lines of the file are refused"
    message = "文件中存在无法导入的行"


class FileChanged(Conflict):
    """The file is no longer the one that was looked through, or its codes came in meanwhile."""

    code = "cards.file_changed"
    title = "The file or the stock changed during the import"
    message = "导入期间文件或库存发生变化，请重试"


class ImportRunning(Conflict):
    """Another file is being imported."""

    code = "cards.import_running"
    title = "Another import is running"
    message = "另一个导入正在进行，请稍后再试"


@dataclass(slots=True)
class Looked:
    """What was found in a file: how many lines of which kind, and the first of the refused."""

    path: Path
    name: str
    sha256: str
    lines: int = 0  # with something on them, without the header
    faults: Counter[Fault] = field(default_factory=Counter)
    first_errors: list[BadLine] = field(default_factory=list)

    @property
    def refused(self) -> int:
        """Return how many lines would not be imported."""
        return self.faults.total()

    @property
    def new(self) -> int:
        """Return how many lines would be imported."""
        return self.lines - self.refused

    @property
    def duplicates(self) -> int:
        """Return how many lines repeat a code of the file."""
        return self.faults[Fault.DUPLICATE]

    @property
    def known(self) -> int:
        """Return how many lines hold a code that was in stock or sold before."""
        return self.faults[Fault.KNOWN]

    @property
    def bad(self) -> int:
        """Return how many lines hold no card at all."""
        return self.refused - self.duplicates - self.known

    def note(self, error: BadLine) -> None:
        """Count a refused line, and keep it if it is one of the first."""
        self.faults[error.fault] += 1
        if len(self.first_errors) < KEPT_ERRORS:
            self.first_errors.append(error)


def look_through(
    begin: Begin,
    vault: Vault,
    path: Path,
    *,
    name: str | None = None,
    most_lines: int = MOST_LINES,
    now: datetime,
    on_error: OnError | None = None,
    on_progress: Progress | None = None,
) -> Looked:
    """Read the whole file and count; nothing is written. Raises `FileRefused` or `FileKnown`.

    `on_error` is given every refused line, in order. In memory are a piece of the file and a short
    hash of each code. `name` is what the file is called, where its path does not say so.
    """
    looked = Looked(path, name or path.name, _sha256(path))
    with begin() as session:
        _refuse_known_file(session, looked.sha256)
    seen: set[bytes] = set()
    outcomes = read_cards(path, now=now)
    while piece := list(islice(outcomes, CHUNK)):
        for error in _refused(begin, vault, piece, seen):
            looked.note(error)
            if on_error is not None:
                on_error(error)
        looked.lines += len(piece)
        if looked.lines > most_lines:
            raise FileRefused(reason=f"more than {most_lines} lines: use `flask cards import`")
        if on_progress is not None:
            on_progress(looked.lines)
    if looked.lines == 0:
        raise FileRefused(reason="there is no code in the file")
    return looked


def import_file(
    begin: Begin,
    vault: Vault,
    looked: Looked,
    *,
    sku_id: UUID,
    source: str = "",
    skip_bad: bool = False,
    now: datetime,
    on_progress: Progress | None = None,
) -> Added:
    """Import what was looked through, in one transaction; the file is read a second time.

    `now` must be the moment of looking through. Raises `FileHasFaults` unless each line is a new
    card or `skip_bad` is true; `ImportRunning`, `FileKnown`, or `FileChanged` to try anew.
    """
    if looked.new == 0 or (looked.refused > 0 and not skip_bad):
        raise FileHasFaults(new=looked.new, refused=looked.refused)
    origin = Origin(looked.name, looked.sha256, source)
    with begin() as session:
        _import_alone(session)
        _refuse_known_file(session, looked.sha256)
        added = add_batch(
            session,
            vault,
            sku_id=sku_id,
            cards=(card for card in read_cards(looked.path, now=now) if isinstance(card, NewCard)),
            origin=origin,
            now=now,
            on_progress=on_progress,
        )
        if added.cards != looked.new or _sha256(looked.path) != looked.sha256:
            raise FileChanged
    return added


def read_cards(path: Path, *, now: datetime) -> Iterator[NewCard | BadLine]:
    """Return a card or a refusal for each line that is not empty; raises `FileRefused`."""
    lines = _filled_lines(path)
    opening = list(islice(lines, 2))
    columns = Columns()
    if opening and opening[0].fault is None:
        named = read_header(opening[0].cells)
        if named is not None:
            columns = named
            del opening[0]
        elif looks_like_header(*(line.cells for line in [*opening, opening[0]][:2])):
            raise FileRefused(
                reason="the first line names columns: call them code, password, expires"
            )
    for line in chain(opening, lines):
        yield read_card(line, columns, now=now)


def _filled_lines(path: Path) -> Iterator[Line]:
    read = _reader(path)
    for line in read(path):
        if line.number > MOST_LINES:
            raise FileRefused(reason=f"more than {MOST_LINES} lines")
        if not line.is_empty:
            yield line


def _reader(path: Path) -> Callable[[Path], Iterator[Line]]:
    if path.stat().st_size > MOST_BYTES:
        raise FileRefused(reason="the file is too large")
    with path.open("rb") as file:
        magic = file.read(4)
    if magic == _OLD_WORKBOOK:
        raise FileRefused(reason="an old .xls or a workbook with a password: save it as .xlsx")
    return workbooks.read_lines if magic == _WORKBOOK else text_files.read_lines


def _refused(
    begin: Begin, vault: Vault, piece: Sequence[NewCard | BadLine], seen: set[bytes]
) -> Iterator[BadLine]:
    """Return the refusals of a piece, in order; `seen` holds what stands further up."""
    fresh: dict[bytes, NewCard] = {}
    repeated: set[int] = set()
    for card in piece:
        if isinstance(card, NewCard):
            index = vault.blind_index(card.secret.code)
            if index[:SHORT_HASH_BYTES] in seen:
                repeated.add(card.line)
            else:
                seen.add(index[:SHORT_HASH_BYTES])
                fresh[index] = card
    with begin() as session:
        known = {fresh[index].line for index in queries.find_known(session, fresh)}
    for card in piece:
        if isinstance(card, BadLine):
            yield card
        elif card.line in repeated:
            yield BadLine(card.line, Fault.DUPLICATE, mask(card.secret.code))
        elif card.line in known:
            yield BadLine(card.line, Fault.KNOWN, mask(card.secret.code))


def _refuse_known_file(session: Session, sha256: str) -> None:
    batch = queries.find_batch_of_file(session, sha256)
    if batch is not None:
        raise FileKnown(batch_id=str(batch.id))


def _import_alone(session: Session) -> None:
    # Two files with the same codes in another order would wait for each other in a ring.
    alone = text("SELECT pg_try_advisory_xact_lock(:key)")
    if not session.scalar(alone, {"key": _ONLY_ONE_IMPORTS}):
        raise ImportRunning


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
