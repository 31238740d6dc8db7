"""The database itself refuses steps that are not listed and changes of facts, whoever asks."""

import re
from collections.abc import Iterator
from datetime import datetime

import pytest
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.exc import DBAPIError, IntegrityError, ProgrammingError

from kit.db import Begin
from kit.ids import new_id
from shop.members.models import Member, MemberStatus

GUARDED = (
    "members",
    "products",
    "batches",
    "cards",
    "payments",
    "refunds",
    "orders",
    "differences",
    "campaigns",
    "groups",
    "seats",
    "order_sheets",
    "sheet_entries",
    "claims",
    "waits",
    "commissions",
    "pushes",
    "subscribe_grants",
    "deliveries",
    "withdrawals",
    "operators",
    "approvals",
    "avatar_checks",
    "exports",
)
FACTS = {
    "transfers",
    "status_changes",
    "reveals",
    "code_exports",
    "exported_cards",
    "notices",
    "security_events",
    "campaign_edges",
    "sheet_items",
    "draws",
    "touches",
    "attributions",
    "commission_entries",
    "push_templates",
    "operator_actions",
    "chat_group_events",
}


@pytest.fixture
def owner(owner_url: str) -> Iterator[Connection]:
    """Return a connection of the schema's owner, whom the triggers bind as well."""
    engine = create_engine(owner_url)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


class TestMoves:
    def probe(self, owner: Connection, table: str) -> dict[str, list[str]]:
        """Make a table called probe with the trigger of `table`; return the moves it was given."""
        trigger = owner.scalar(
            text(
                "SELECT pg_get_triggerdef(oid) FROM pg_trigger"
                " WHERE tgrelid = CAST(:t AS regclass) AND tgname = 'check_move'"
            ),
            {"t": table},
        )
        assert trigger is not None, f"{table} has no trigger"
        owner.execute(text("CREATE TEMP TABLE probe (status text) ON COMMIT DROP"))
        copied = str(trigger).replace(f"ON public.{table} ", "ON probe ")
        assert "BEFORE UPDATE OF status" in copied
        owner.exec_driver_sql(copied.replace("%", "%%"))
        found = re.search(r"check_move\('(.*)'\)", copied)
        assert found is not None
        moves: dict[str, list[str]] = owner.scalar(
            text("SELECT CAST(:j AS jsonb)"), {"j": found[1]}
        )
        return moves

    @pytest.mark.parametrize("table", GUARDED)
    def test_b42_i13_every_step_that_is_not_listed_is_refused(
        self, owner: Connection, table: str
    ) -> None:
        moves = self.probe(owner, table)
        for old in moves:
            for new in moves:
                nested = owner.begin_nested()
                owner.execute(text("DELETE FROM probe"))
                owner.execute(text("INSERT INTO probe VALUES (:old)"), {"old": old})
                change = text("UPDATE probe SET status = :new")
                if new in moves[old] or new == old:
                    owner.execute(change, {"new": new})
                else:
                    with pytest.raises(IntegrityError, match=f"may not move from {old} to {new}"):
                        owner.execute(change, {"new": new})
                nested.rollback()

    def test_b42_i13_skipping_a_state_by_sql_is_refused(self, begin: Begin, now: datetime) -> None:
        member_id = new_id()
        with begin() as session:
            session.add(Member(id=member_id, status=MemberStatus.DELETED, created_at=now))
        with pytest.raises(IntegrityError, match="may not move"), begin() as session:
            session.execute(
                text("UPDATE members SET status = 'active' WHERE id = :id"), {"id": member_id}
            )

    def test_every_lifecycle_has_one(self, engine: Engine) -> None:
        with engine.connect() as connection:
            found = connection.scalars(
                text("SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname = 'check_move'")
            ).all()
        assert set(found) == set(GUARDED)


class TestFacts:
    def test_i2_every_table_of_facts_is_closed_to_the_application(self, engine: Engine) -> None:
        guarded = "SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname = :name"
        allowed = "SELECT has_table_privilege(:table, :right)"
        with engine.connect() as connection:
            for name in ("facts_stay", "facts_stay_all"):
                assert set(connection.scalars(text(guarded), {"name": name})) == FACTS
            for table in FACTS:
                rights = {
                    right: connection.scalar(text(allowed), {"table": table, "right": right})
                    for right in ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE")
                }
                assert [right for right, has in rights.items() if has] == ["SELECT", "INSERT"]

    @pytest.mark.parametrize(
        "verb", ["UPDATE status_changes SET actor = 'x'", "DELETE FROM status_changes"]
    )
    def test_i2_a_step_written_down_stays(
        self, begin: Begin, owner: Connection, now: datetime, verb: str
    ) -> None:
        insert = text(
            "INSERT INTO status_changes (kind, row_id, old, new, at, actor)"
            " VALUES ('member', :id, 'active', 'deleted', :at, 'x')"
        )
        with begin() as session:
            session.execute(insert, {"id": new_id(), "at": now})
        with pytest.raises(ProgrammingError, match="permission denied"), begin() as session:
            session.execute(text(verb))
        owner.execute(insert, {"id": new_id(), "at": now})
        with pytest.raises(DBAPIError, match="rows of status_changes are facts"):
            owner.execute(text(verb))
