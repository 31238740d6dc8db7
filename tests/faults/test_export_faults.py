"""A file that is being written when the process is killed: whole in the end, and never half."""

import csv
import hashlib
import io
import os
import re
import signal
import subprocess
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from time import sleep
from typing import Final
from uuid import UUID

import pytest
from openpyxl import load_workbook
from sqlalchemy import text

from kit.clock import monotonic_seconds
from kit.db import Begin
from kit.faultpoints import VARIABLE
from kit.ids import new_id
from kit.sweep import LEASE
from shop.exports import queries, service
from shop.exports.models import Export, ExportFormat, ExportKind, ExportStatus
from shop.operators.models import Operator, OperatorStatus
from tests import forking
from tests.servers import ROOT

WAIT_SECONDS: Final = 60.0
ROWS: Final = {ExportFormat.CSV: 25_000, ExportFormat.XLSX: 4_000}
KEEPING: Final = "exports.keep.before_done"
_CALL: Final = re.compile(r"\bfaultpoint\(\s*\"(exports\.[^\"]+)\"")
DEEDS: Final = text(
    "INSERT INTO operator_actions (id, at, actor, action, subject_kind, subject, address,"
    " request_id) SELECT uuidv7(), :at, 'clerk', 'orders.refund', 'order', n::text, '127.0.0.1',"
    " '' FROM generate_series(1, :rows) AS n"
)


def fault_points() -> list[str]:
    """Return every name that writing a file passes, sorted."""
    files = (ROOT / "shop" / "exports").rglob("*.py")
    return sorted({name for file in files for name in _CALL.findall(file.read_text("utf-8"))})


@dataclass
class Desk:
    """Somebody who asked for a file, and processes that write it where we can look."""

    begin: Begin
    database_url: str
    folder: Path  # for whatever has a name while it is written
    export_id: UUID
    now: datetime

    def start(self, point: str = "") -> "subprocess.Popen[bytes]":
        """Start a process that writes what is due."""
        environment = {"DATABASE_URL": self.database_url, "TMPDIR": str(self.folder)}
        return forking.Forked(
            ["tests.faults.export_child", self.now.isoformat()],
            environment={**os.environ, **environment, VARIABLE: point},
        )

    def read(self) -> Export:
        """Return the export as it stands."""
        with self.begin() as session:
            return session.get_one(Export, self.export_id)

    def file(self) -> bytes:
        """Return what would be handed out."""
        pieces: list[bytes] = []
        with self.begin() as session:
            while piece := queries.find_chunk(session, self.export_id, len(pieces)):
                pieces.append(piece)
        return b"".join(pieces)


def subjects(file: bytes, file_format: ExportFormat) -> list[str]:
    """Return the column of the audit log that numbers its rows."""
    if file_format is ExportFormat.CSV:
        return [row[4] for row in csv.reader(io.StringIO(file.decode("utf-8-sig")))][1:]
    sheet = load_workbook(io.BytesIO(file), read_only=True).active
    assert sheet is not None
    return [str(row[4]) for row in sheet.iter_rows(values_only=True, min_row=2)]


def make_desk(
    begin: Begin, database_url: str, folder: Path, file_format: ExportFormat, now: datetime
) -> Desk:
    """Have an operator ask for an audit log of many rows."""
    operator_id = new_id()
    with begin() as session:
        session.add(
            Operator(
                id=operator_id,
                name="auditor",
                status=OperatorStatus.ACTIVE,
                roles=["auditor"],
                password_hash="none",
                totp_sealed=b"",
                created_by="tests",
                created_at=now,
            )
        )
        session.flush()
        session.execute(DEEDS, {"at": now - timedelta(hours=1), "rows": ROWS[file_format]})
        export = service.ask(
            session,
            kind=ExportKind.AUDIT,
            file_format=file_format,
            given={},
            operator_id=operator_id,
            asked_by="auditor",
            now=now,
        )
    return Desk(begin, database_url, folder, export.id, now)


def kill_amid_rows(desk: Desk) -> None:
    """Kill a process that has written some rows and not all."""
    process, until = desk.start(), monotonic_seconds() + WAIT_SECONDS
    while not desk.read().row_count:
        assert process.poll() is None, "it came through before anybody could kill it"
        assert monotonic_seconds() < until
        sleep(0.005)
    process.kill()
    assert process.wait(WAIT_SECONDS) == -signal.SIGKILL


def kill_at_the_end(desk: Desk) -> None:
    """Kill a process that has put every piece into the database, and not committed them."""
    assert desk.start(KEEPING).wait(WAIT_SECONDS) == -signal.SIGKILL, "never hit"


class TestExportFaults:
    def test_every_point_is_passed(self) -> None:
        assert fault_points() == [KEEPING]

    @pytest.mark.parametrize("kill", [kill_amid_rows, kill_at_the_end])
    @pytest.mark.parametrize("file_format", list(ExportFormat))
    def test_it_is_written_anew_and_nothing_stays(
        self,
        real_begin: Begin,
        database_url: str,
        tmp_path: Path,
        now: datetime,
        file_format: ExportFormat,
        kill: object,
    ) -> None:
        assert callable(kill)
        desk = make_desk(real_begin, database_url, tmp_path, file_format, now)
        kill(desk)
        assert (desk.read().status, desk.file()) == (ExportStatus.WRITING, b"")
        assert list(tmp_path.iterdir()) == []
        # Its lease is not over: nobody else takes it yet.
        assert desk.start().wait(WAIT_SECONDS) == 0
        assert (desk.read().status, desk.read().attempts) == (ExportStatus.WRITING, 1)
        desk.now += LEASE + timedelta(seconds=1)
        assert desk.start().wait(WAIT_SECONDS) == 0
        done, file = desk.read(), desk.file()
        assert (done.status, done.attempts, done.row_count) == (
            ExportStatus.DONE,
            2,
            ROWS[file_format],
        )
        assert (done.byte_count, done.sha256) == (len(file), hashlib.sha256(file).hexdigest())
        assert subjects(file, file_format) == [str(n) for n in range(1, ROWS[file_format] + 1)]
        assert list(tmp_path.iterdir()) == []
