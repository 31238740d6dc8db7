"""Pages go through all rows once, newest first, whatever the size."""

import base64
from contextlib import suppress
from datetime import datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from kit.db import Begin
from kit.ids import new_id
from kit.outbox import OutboxEvent
from kit.pages import LONGEST_PAGE, BadCursor, Page, decode_cursor, encode_cursor, read_page


class TestCursor:
    @given(st.uuids())
    def test_is_read_back(self, last: UUID) -> None:
        cursor = encode_cursor(last)
        assert decode_cursor(cursor) == last
        assert len(cursor) == 22
        assert cursor.replace("-", "").replace("_", "").isalnum()

    @pytest.mark.parametrize(
        "cursor",
        [
            "a",
            "abc",
            "团团",
            "=" * 22,
            "A" * 21,
            "A" * 23,
            "A" * 44,
            "A" * 100_000,
            "' OR 1=1 --",
            base64.urlsafe_b64encode(b"x" * 15).decode(),
            base64.urlsafe_b64encode(b"x" * 17).decode(),
        ],
    )
    def test_i136_what_is_not_ours_is_refused(self, cursor: str) -> None:
        with pytest.raises(BadCursor):
            decode_cursor(cursor)

    @given(st.text())
    def test_any_text_is_an_id_or_is_refused(self, cursor: str) -> None:
        with suppress(BadCursor):
            assert isinstance(decode_cursor(cursor), UUID)


@pytest.fixture
def ids(begin: Begin, now: datetime) -> list[UUID]:
    """Return the ids of seven rows, newest first."""
    made = [new_id() for _ in range(7)]
    with begin() as session:
        for row_id in made:
            session.add(OutboxEvent(id=row_id, name="x", payload={}, emitted_at=now))
    return made[::-1]


def page(begin: Begin, *, cursor: str | None, limit: int) -> Page[OutboxEvent]:
    """Return a page of the rows."""
    with begin() as session:
        return read_page(session, select(OutboxEvent), OutboxEvent.id, cursor=cursor, limit=limit)


class TestReadPage:
    @pytest.mark.parametrize("limit", [1, 2, 3, 6, 7, 8, 100])
    def test_goes_through_every_row_once(self, begin: Begin, ids: list[UUID], limit: int) -> None:
        seen: list[UUID] = []
        cursor: str | None = None
        for _ in ids:
            got = page(begin, cursor=cursor, limit=limit)
            assert 1 <= len(got.items) <= limit
            seen += [row.id for row in got.items]
            cursor = got.next_cursor
            if cursor is None:
                break
        assert seen == ids
        assert cursor is None

    def test_a_row_that_comes_meanwhile_moves_no_other(
        self, begin: Begin, ids: list[UUID], now: datetime
    ) -> None:
        first = page(begin, cursor=None, limit=3)
        with begin() as session:
            session.add(OutboxEvent(id=new_id(), name="x", payload={}, emitted_at=now))
        second = page(begin, cursor=first.next_cursor, limit=3)
        assert [row.id for row in [*first.items, *second.items]] == ids[:6]

    def test_is_empty_with_nothing_to_show(self, begin: Begin) -> None:
        assert page(begin, cursor=None, limit=5) == Page([], None)

    def test_starts_anew_with_an_empty_cursor(self, begin: Begin, ids: list[UUID]) -> None:
        assert [row.id for row in page(begin, cursor="", limit=2).items] == ids[:2]

    @pytest.mark.parametrize(("limit", "length"), [(0, 1), (-5, 1), (10**9, LONGEST_PAGE)])
    def test_keeps_the_length_within_bounds(
        self, begin: Begin, now: datetime, limit: int, length: int
    ) -> None:
        with begin() as session:
            for _ in range(LONGEST_PAGE + 5):
                session.add(OutboxEvent(id=new_id(), name="x", payload={}, emitted_at=now))
        assert len(page(begin, cursor=None, limit=limit).items) == length
