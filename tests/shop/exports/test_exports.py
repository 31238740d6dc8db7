"""Exports: files that are exact and harmless, written once whoever is killed, and gone in time."""

import csv
import io
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from openpyxl import load_workbook
from sqlalchemy import func, select, update

from kit.db import Begin
from kit.ids import new_id
from kit.sweep import LEASE
from shop.exports import jobs, queries, rules, service, writing
from shop.exports.models import Export, ExportChunk, ExportFormat, ExportKind, ExportStatus
from shop.exports.rules import BadExport, NoRoom, TooManyExports
from shop.operators.models import Operator, OperatorStatus
from shop.orders.models import OrderLine
from tests.factories.bench import Bench

S = ExportStatus


@pytest.fixture
def bench(begin: Begin, now: datetime) -> Bench:
    """Return a shop in which nothing stays."""
    return Bench(begin, now)


@pytest.fixture
def operator_id(bench: Bench) -> UUID:
    """Return an operator who asks."""
    operator = Operator(
        id=new_id(),
        name=f"op-{new_id().hex[-8:]}",
        status=OperatorStatus.ACTIVE,
        roles=["finance"],
        password_hash="none",
        totp_sealed=b"",
        created_by="tests",
        created_at=bench.now,
    )
    with bench.begin() as session:
        session.add(operator)
    return operator.id


def ask(
    bench: Bench, operator_id: UUID, kind: ExportKind, file_format: str = "csv", **given: str
) -> UUID:
    """Ask for a file."""
    with bench.begin() as session:
        return service.ask(
            session,
            kind=kind,
            file_format=ExportFormat(file_format),
            given=given,
            operator_id=operator_id,
            asked_by="op",
            now=bench.now,
        ).id


def sweep(bench: Bench) -> None:
    """Write what is due."""
    assert jobs.write_due_exports(bench.begin, clock=lambda: bench.now, now=bench.now).failed == 0


def get(bench: Bench, export_id: UUID) -> Export:
    """Return the row as it is."""
    with bench.begin() as session:
        return session.get_one(Export, export_id, populate_existing=True)


def content(bench: Bench, export_id: UUID) -> bytes:
    """Return the file."""
    pieces = []
    with bench.begin() as session:
        while (piece := queries.find_chunk(session, export_id, len(pieces))) is not None:
            pieces.append(piece)
    return b"".join(pieces)


def table(bench: Bench, export_id: UUID) -> list[list[str]]:
    """Return a CSV file's rows without its headings."""
    data = content(bench, export_id)
    assert data.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"))))[1:]


class TestAsking:
    def test_what_makes_no_sense_is_as_if_absent_but_a_day_is_refused(self) -> None:
        query = rules.read_query(
            ExportKind.ORDERS, {"member": "nobody", "status": "paid", "cursor": "x", "since": ""}
        )
        assert query == {"status": "paid"}
        for given in (
            {"since": "yesterday"},
            {"until": "0001-01-01"},
            {"since": "2026-11-02", "until": "2026-11-01"},
        ):
            with pytest.raises(BadExport):
                rules.read_query(ExportKind.ORDERS, given)

    def test_nobody_has_more_than_five_waiting(self, bench: Bench, operator_id: UUID) -> None:
        for _ in range(rules.MOST_OPEN):
            ask(bench, operator_id, ExportKind.AUDIT)
        with pytest.raises(TooManyExports):
            ask(bench, operator_id, ExportKind.AUDIT)

    def test_there_is_an_end_to_the_room(self, bench: Bench, operator_id: UUID) -> None:
        export_id = ask(bench, operator_id, ExportKind.AUDIT)
        sweep(bench)
        with bench.begin() as session:
            session.execute(
                update(Export)
                .where(Export.id == export_id)
                .values(byte_count=rules.MOST_KEPT_BYTES)
            )
        with pytest.raises(NoRoom):
            ask(bench, operator_id, ExportKind.AUDIT)


class TestWriting:
    def test_every_kind_is_written(self, bench: Bench, operator_id: UUID) -> None:
        order_id = bench.bought((bench.sku(3), 2))
        bench.refund(order_id)
        order = bench.order(order_id)
        number = bench.payments(order_id)[0].out_trade_no
        for kind, words in {
            ExportKind.ORDERS: (order.order_no, f"…{str(order.member_id)[-6:]}"),
            ExportKind.PAYMENTS: (number, order.order_no),
            ExportKind.REFUNDS: (number, "member"),
            ExportKind.LEDGER: ("clearing wechat_pay", "unearned"),
            ExportKind.STATEMENTS: (),
            ExportKind.AUDIT: (),
        }.items():
            for file_format in ExportFormat:
                export_id = ask(bench, operator_id, kind, file_format.value)
                sweep(bench)
                export = get(bench, export_id)
                assert (export.status, export.last_error) == (S.DONE, None), kind
                assert export.byte_count == len(content(bench, export_id))
                assert str(order.member_id) not in content(bench, export_id).decode("latin-1")
            sheet = load_workbook(io.BytesIO(content(bench, export_id))).active
            assert sheet is not None
            shown = [str(value) for row in sheet.iter_rows(values_only=True) for value in row]
            assert set(words) <= set(shown), kind

    def test_formulas_and_amounts_in_both_formats(
        self, bench: Bench, operator_id: UUID, tmp_path: Path
    ) -> None:
        order_id = bench.bought((bench.sku(3), 1))
        formula = '=HYPERLINK("https://evil.example")'
        with bench.begin() as session:
            line = session.scalars(select(OrderLine).where(OrderLine.order_id == order_id)).one()
            line.snapshot = {"product_title": formula, "sku_title": "x"}
        ids = {one: ask(bench, operator_id, ExportKind.ORDERS, one) for one in ("csv", "xlsx")}
        sweep(bench)
        (row,) = table(bench, ids["csv"])
        assert row[5] == f"'{formula} x"
        assert row[7] == "10.00"
        book = tmp_path / "book.xlsx"
        book.write_bytes(content(bench, ids["xlsx"]))
        sheet = load_workbook(book)["订单"]
        assert (sheet["F2"].data_type, sheet["F2"].value) == ("s", f"'{formula} x")
        assert (sheet["H2"].data_type, sheet["H2"].value) == ("n", 10)

    def test_a_file_is_what_its_list_is(self, bench: Bench, operator_id: UUID) -> None:
        first, second = (
            bench.bought((bench.sku(3), 1)),
            bench.place(bench.member(), (bench.sku(), 1)),
        )
        numbers = {bench.order(one).order_no for one in (first, second)}
        cases = {
            (): numbers,
            (("status", "pending"),): {bench.order(second).order_no},
            (("member", str(bench.order(first).member_id)),): {bench.order(first).order_no},
            (("campaign", str(new_id())),): set(),
            (("since", "2030-01-01"),): set(),
            (("until", "2020-01-01"),): set(),
        }
        for given, expected in cases.items():
            export_id = ask(bench, operator_id, ExportKind.ORDERS, **dict(given))
            sweep(bench)
            assert {row[0] for row in table(bench, export_id)} == expected, given
            assert get(bench, export_id).row_count == len(expected)

    def test_an_account_s_entries_page_by_page(
        self, bench: Bench, operator_id: UUID, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(writing, "PAGE_ROWS", 2)
        for _ in range(3):
            bench.bought((bench.sku(3), 1))
        whole = ask(bench, operator_id, ExportKind.LEDGER)
        sweep(bench)
        rows = table(bench, whole)
        assert len(rows) == 6
        assert [int(row[0]) for row in rows] == sorted(int(row[0]) for row in rows)


class TestKilled:
    def test_whoever_comes_after_writes_it_again_once(
        self, bench: Bench, operator_id: UUID, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        bench.bought((bench.sku(3), 1))
        export_id = ask(bench, operator_id, ExportKind.ORDERS)
        keep = writing._keep

        def die(*_words: object, **_more: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(writing, "_keep", die)
        with pytest.raises(KeyboardInterrupt):
            writing.write(bench.begin, export_id, clock=lambda: bench.now)
        monkeypatch.setattr(writing, "_keep", keep)
        sweep(bench)  # the lease stands
        assert (get(bench, export_id).status, get(bench, export_id).attempts) == (S.WRITING, 1)
        bench.now += LEASE
        sweep(bench)
        sweep(bench)
        assert (get(bench, export_id).status, get(bench, export_id).attempts) == (S.DONE, 2)
        assert len(table(bench, export_id)) == 1

    def test_an_attempt_that_lost_its_lease_keeps_nothing(
        self, bench: Bench, operator_id: UUID, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """While it was writing somebody else began and ended."""
        export_id = ask(bench, operator_id, ExportKind.ORDERS)
        keep, taken = writing._keep, []

        def keep_late(*words: object, **more: object) -> None:
            taken.append(words)
            if len(taken) == 1:
                bench.now += LEASE
                sweep(bench)
            keep(*words, **more)  # type: ignore[arg-type]  # handed on as they came

        monkeypatch.setattr(writing, "_keep", keep_late)
        sweep(bench)
        assert len(taken) == 2
        assert (get(bench, export_id).status, get(bench, export_id).attempts) == (S.DONE, 2)
        with bench.begin() as session:
            assert session.scalar(select(func.count()).select_from(ExportChunk)) == 1

    def test_what_kills_every_attempt_is_given_up(self, bench: Bench, operator_id: UUID) -> None:
        export_id = ask(bench, operator_id, ExportKind.ORDERS)
        with bench.begin() as session:
            session.execute(update(Export).values(status=S.WRITING, attempts=rules.MOST_ATTEMPTS))
        sweep(bench)
        export = get(bench, export_id)
        assert (export.status, export.last_error, export.due_at) == (S.FAILED, "gave_up", None)

    def test_what_is_too_large_says_so(
        self, bench: Bench, operator_id: UUID, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        bench.bought((bench.sku(3), 1))
        for limit in ("MOST_ROWS", "MOST_BYTES"):
            monkeypatch.setattr(writing, limit, 0)
            export_id = ask(bench, operator_id, ExportKind.ORDERS)
            sweep(bench)
            assert get(bench, export_id).last_error == "too_large"
            assert content(bench, export_id) == b""
            monkeypatch.undo()


class TestDeleting:
    def test_a_file_is_gone_after_a_week(self, bench: Bench, operator_id: UUID) -> None:
        export_id = ask(bench, operator_id, ExportKind.ORDERS)
        sweep(bench)
        for later, status in ((timedelta(days=6), S.DONE), (timedelta(days=1), S.DELETED)):
            bench.now += later
            jobs.delete_due_exports(bench.begin, now=bench.now)
            assert get(bench, export_id).status is status
        assert content(bench, export_id) == b""

    def test_what_is_being_written_can_be_called_off(self, bench: Bench, operator_id: UUID) -> None:
        export_id = ask(bench, operator_id, ExportKind.ORDERS)
        with bench.begin() as session:
            export = queries.lock_export(session, export_id)
            service.remove(session, export, actor="op", now=bench.now)
        sweep(bench)
        assert get(bench, export_id).status is S.DELETED
