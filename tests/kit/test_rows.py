"""Columns that travel as arrays arrive as they were, whatever stands in them."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import BigInteger, Integer, LargeBinary, String, Uuid, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeEngine

from kit.clock import utc_now
from kit.db import Begin
from kit.ids import new_id
from kit.outbox import OutboxEvent
from kit.rows import among, array_table

STRANGE = [
    "",
    " ",
    "NULL",
    "null",
    "{}",
    "a,b",
    'say "hi"',
    "back\\slash",
    "\\",
    '"',
    "团卡",
    "x\ny",
]


class TestArrayTable:
    def test_texts_arrive_as_they_were(self, begin: Begin) -> None:
        table = array_table("row", {"text": String(), "number": Integer()})
        numbers = list(range(len(STRANGE)))
        with begin() as session:
            rows = session.execute(
                select(table.c.text).order_by(table.c.number),
                {"row_text": STRANGE, "row_number": numbers},
            )
            assert list(rows.scalars()) == STRANGE

    def test_so_do_ids_numbers_and_bytes(self, begin: Begin) -> None:
        kinds: dict[str, TypeEngine[Any]] = {
            "id": Uuid(),
            "number": BigInteger(),
            "bytes": LargeBinary(),
        }
        table = array_table("row", kinds)
        given = [(uuid4(), number, bytes([number % 256])) for number in (-1, 0, 2**62)]
        with begin() as session:
            rows = session.execute(
                select(table.c.id, table.c.number, table.c.bytes),
                {
                    "row_id": [one[0] for one in given],
                    "row_number": [one[1] for one in given],
                    "row_bytes": [one[2] for one in given],
                },
            ).all()
        assert [tuple(row) for row in rows] == given
        assert all(isinstance(row[0], UUID) for row in rows)

    def test_so_do_documents(self, begin: Begin) -> None:
        table = array_table("row", {"told": JSONB()})
        given = [{text: [text, 1, None, {"in": text}]} for text in STRANGE]
        with begin() as session:
            found = session.execute(select(table.c.told), {"row_told": given}).scalars()
            assert list(found) == given

    @pytest.mark.parametrize("texts", [[], ["one"]])
    def test_of_any_length(self, begin: Begin, texts: list[str]) -> None:
        table = array_table("row", {"text": String()})
        with begin() as session:
            found = session.execute(select(table.c.text), {"row_text": texts}).scalars()
            assert list(found) == texts


class TestAmong:
    @pytest.mark.parametrize("wanted", [[], ["two"], STRANGE, ["one", "one", "three"]])
    def test_finds_those_and_no_others(self, begin: Begin, wanted: list[str]) -> None:
        names = ["one", "two", "three"]
        with begin() as session:
            for name in names:
                session.add(OutboxEvent(id=new_id(), name=name, payload={}, emitted_at=utc_now()))
            session.flush()
            found = session.scalars(
                select(OutboxEvent.name).where(among(OutboxEvent.name, "names", String())),
                {"names": wanted},
            ).all()
        assert set(found) == set(wanted) & set(names)
