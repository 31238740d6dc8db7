"""Moments are aware, waiting ends, and `begin` commits all or nothing."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
from time import sleep

import pytest
from psycopg.errors import (
    LockNotAvailable,
    QueryCanceled,
)
from sqlalchemy import Column, Engine, MetaData, Table, select, text
from sqlalchemy.dialects.postgresql import dialect
from sqlalchemy.exc import DBAPIError, StatementError
from sqlalchemy.schema import CreateTable

from kit.db import (
    IDLE_TRANSACTION_TIMEOUT_SECONDS,
    LOCK_TIMEOUT_SECONDS,
    NAMING,
    STATEMENT_TIMEOUT_SECONDS,
    Begin,
    UtcDateTime,
    fen_not_negative,
    make_engine,
    positive_fen,
    text_enum,
)
from kit.heartbeat import Heartbeat
from kit.money import MOST_FEN


class Colour(StrEnum):
    """Two values."""

    RED = "red"
    DARK_BLUE = "dark_blue"


def beat(at: datetime, *, process: str = "1") -> Heartbeat:
    """Return a row with a moment in it."""
    return Heartbeat(kind="web", process=process, at=at)


class TestUtcDateTime:
    def test_refuses_a_naive_moment(self, begin: Begin) -> None:
        with pytest.raises(StatementError, match="time zone"), begin() as session:
            session.add(beat(datetime(2026, 11, 20, 12, 0)))  # noqa: DTZ001 - it is the point

    def test_returns_utc_whatever_zone_it_was_given_in(self, begin: Begin, now: datetime) -> None:
        there = now.astimezone(timezone(timedelta(hours=8)))
        with begin() as session:
            session.add(beat(there))
        with begin() as session:
            at = session.scalars(select(Heartbeat.at)).one()
        assert at == now
        assert at.tzinfo is UTC

    def test_returns_utc_whatever_zone_the_session_has(self, begin: Begin, now: datetime) -> None:
        with begin() as session:
            session.execute(text("SET LOCAL timezone = 'Asia/Tokyo'"))
            session.add(beat(now))
            session.flush()
            session.expire_all()
            at = session.scalars(select(Heartbeat.at)).one()
            assert at == now
            assert at.tzinfo is UTC

    def test_keeps_microseconds(self, begin: Begin, now: datetime) -> None:
        at = now.replace(microsecond=123_457)
        with begin() as session:
            session.add(beat(at))
        with begin() as session:
            assert session.scalars(select(Heartbeat.at)).one() == at

    def test_lets_nothing_be_nothing(self) -> None:
        assert UtcDateTime().process_bind_param(None, dialect()) is None
        assert UtcDateTime().process_result_value(None, dialect()) is None

    def test_refuses_what_a_driver_returns_as_text(self) -> None:
        with pytest.raises(TypeError):
            UtcDateTime().process_result_value("2026-11-20", dialect())


class TestTextEnum:
    def test_stores_values_not_names_and_checks_them(self) -> None:
        made = Table(
            "paints",
            MetaData(naming_convention=NAMING),
            Column("colour", text_enum(Colour, name="colour_listed")),
        )
        ddl = str(CreateTable(made).compile(dialect=dialect()))
        assert "colour VARCHAR(32)" in ddl
        assert "CONSTRAINT ck_paints_colour_listed CHECK (colour IN ('red', 'dark_blue'))" in ddl

    def test_refuses_a_value_that_is_none_of_them(self) -> None:
        bind = text_enum(Colour, name="colour_listed").bind_processor(dialect())
        assert bind is not None
        assert bind(Colour.DARK_BLUE) == "dark_blue"
        with pytest.raises(LookupError):
            bind("green")


class TestFenChecks:
    @pytest.mark.parametrize(
        ("make", "accepted", "refused"),
        [
            (positive_fen, (1, MOST_FEN), (0, -1, MOST_FEN + 1, 2**62)),
            (fen_not_negative, (0, 1, MOST_FEN), (-1, MOST_FEN + 1, -(2**62))),
        ],
    )
    def test_f96_hold_amounts_between_bounds(
        self,
        begin: Begin,
        make: Callable[[str], object],
        accepted: tuple[int, ...],
        refused: tuple[int, ...],
    ) -> None:
        rule = getattr(make("price_fen"), "sqltext", None)
        question = text(f"SELECT {rule} FROM (SELECT CAST(:fen AS bigint) AS price_fen) AS given")
        with begin() as session:
            for fen in accepted:
                assert session.scalar(question, {"fen": fen}) is True
            for fen in refused:
                assert session.scalar(question, {"fen": fen}) is False


class TestMakeEngine:
    def test_j153_every_connection_gives_up_on_locks_and_slow_statements(
        self, engine: Engine
    ) -> None:
        with engine.connect() as one, engine.connect() as other:
            for connection in (one, other):
                for name, seconds in (
                    ("statement_timeout", STATEMENT_TIMEOUT_SECONDS),
                    ("lock_timeout", LOCK_TIMEOUT_SECONDS),
                    ("idle_in_transaction_session_timeout", IDLE_TRANSACTION_TIMEOUT_SECONDS),
                ):
                    assert connection.scalar(text("SELECT current_setting(:n)"), {"n": name}) == (
                        f"{seconds}s"
                    )

    def test_j153_a_rollback_does_not_undo_the_limits(self, database_url: str) -> None:
        engine = make_engine(database_url, pool_size=1, max_overflow=0)
        try:
            for _ in range(2):
                with engine.connect() as connection:
                    assert connection.scalar(text("SHOW lock_timeout")) == "5s"
                    connection.rollback()
        finally:
            engine.dispose()

    def test_j153_a_statement_that_takes_too_long_is_cancelled(self, engine: Engine) -> None:
        with engine.connect() as connection:
            connection.execute(text("SET LOCAL statement_timeout = '50ms'"))
            with pytest.raises(DBAPIError) as stopped:
                connection.execute(text("SELECT pg_sleep(10)"))
        assert isinstance(stopped.value.orig, QueryCanceled)

    def test_j153_waiting_for_a_lock_ends(self, engine: Engine) -> None:
        take = text("SELECT pg_advisory_xact_lock(4711)")
        with engine.connect() as holder, engine.connect() as waiter:
            holder.execute(take)
            waiter.execute(text("SET LOCAL lock_timeout = '50ms'"))
            with pytest.raises(DBAPIError) as stopped:
                waiter.execute(take)
        assert isinstance(stopped.value.orig, LockNotAvailable)

    def test_j150_a_connection_that_the_server_ended_is_replaced(
        self, database_url: str, owner_url: str
    ) -> None:
        engine, owner = make_engine(database_url, pool_size=1), make_engine(owner_url)
        try:
            with engine.connect() as connection:
                pid = connection.scalar(text("SELECT pg_backend_pid()"))
            with owner.begin() as connection:
                connection.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})
            with engine.connect() as connection:
                assert connection.scalar(text("SELECT pg_backend_pid()")) != pid
        finally:
            engine.dispose()
            owner.dispose()

    def test_tells_the_server_who_it_is(self, database_url: str) -> None:
        engine = make_engine(database_url, application_name="tuanka-test")
        with engine.connect() as connection:
            assert connection.scalar(text("SHOW application_name")) == "tuanka-test"
        engine.dispose()


@pytest.fixture
def count(engine: Engine) -> Callable[[], int]:
    """Return how many rows another connection sees."""

    def seen() -> int:
        with engine.connect() as connection:
            return len(connection.execute(select(Heartbeat.kind)).all())

    return seen


class TestMakeBegin:
    def test_commits_at_the_end(
        self, real_begin: Begin, now: datetime, count: Callable[[], int]
    ) -> None:
        with real_begin() as session:
            session.add(beat(now))
            session.flush()
            assert count() == 0
        assert count() == 1

    def test_a_refusal_undoes_everything(
        self, real_begin: Begin, now: datetime, count: Callable[[], int]
    ) -> None:
        def refuse() -> None:
            with real_begin() as session:
                session.add(beat(now))
                session.flush()
                raise LookupError

        with pytest.raises(LookupError):
            refuse()
        assert count() == 0

    def test_one_bad_row_undoes_the_good_ones(
        self, real_begin: Begin, now: datetime, count: Callable[[], int]
    ) -> None:
        with real_begin() as session:
            session.add(beat(now))
        with pytest.raises(DBAPIError), real_begin() as session:
            session.add_all([beat(now, process="2"), beat(now)])
        assert count() == 1

    def test_rows_may_be_read_after_it(self, real_begin: Begin, now: datetime) -> None:
        with real_begin() as session:
            row = beat(now)
            session.add(row)
        assert (row.kind, row.at) == ("web", now)

    def test_j153_a_transaction_that_idles_is_ended_and_undone(
        self, real_begin: Begin, now: datetime, count: Callable[[], int]
    ) -> None:
        def idle() -> None:
            with real_begin() as session:
                session.add(beat(now))
                session.flush()
                session.execute(text("SET LOCAL idle_in_transaction_session_timeout = '1ms'"))
                sleep(0.05)
                session.execute(text("SELECT 1"))

        # Whether the server's last words or its hanging up is seen first is chance.
        with pytest.raises(DBAPIError):
            idle()
        assert count() == 0


class TestByIndex:
    @pytest.mark.parametrize(("by_index", "seqscan"), [(True, "off"), (False, "on")])
    def test_whole_tables_are_not_read_by_those_who_look_for_rows(
        self, database_url: str, by_index: bool, seqscan: str
    ) -> None:
        engine = make_engine(database_url, by_index=by_index)
        with engine.connect() as connection:
            assert connection.scalar(text("SHOW enable_seqscan")) == seqscan
        engine.dispose()
