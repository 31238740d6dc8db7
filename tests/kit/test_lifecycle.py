"""Only listed steps are made, each is written down, and the database refuses the rest too."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from kit.db import Begin
from kit.ids import new_id
from kit.lifecycle import BrokenLifecycle, IllegalMove, Lifecycle, StatusChange, move, move_many
from shop.members.models import MEMBER_LIFECYCLE, Member, MemberStatus


class Door(StrEnum):
    """Three states."""

    OPEN = "open"
    SHUT = "shut"
    LOCKED = "locked"


MOVES = {Door.OPEN: {Door.SHUT}, Door.SHUT: {Door.OPEN, Door.LOCKED}, Door.LOCKED: set[Door]()}
DOOR = Lifecycle("door", initial=Door.OPEN, moves=MOVES)


def make_member(begin: Begin, now: datetime, status: MemberStatus = MemberStatus.ACTIVE) -> Member:
    """Return a stored member."""
    member = Member(id=new_id(), status=status, created_at=now)
    with begin() as session:
        session.add(member)
    return member


def changes(begin: Begin) -> list[tuple[str, UUID, str, str, datetime, str]]:
    """Return the steps written down."""
    with begin() as session:
        return [
            (row.kind, row.row_id, row.old, row.new, row.at, row.actor)
            for row in session.scalars(select(StatusChange).order_by(StatusChange.seq))
        ]


class TestLifecycle:
    def test_a_state_that_is_not_listed_is_refused(self) -> None:
        with pytest.raises(BrokenLifecycle, match=r"door: unlisted .*locked"):
            Lifecycle(
                "door",
                initial=Door.OPEN,
                moves={Door.OPEN: {Door.SHUT}, Door.SHUT: {Door.LOCKED}},
            )

    def test_a_state_of_another_kind_is_refused(self) -> None:
        with pytest.raises(BrokenLifecycle, match="active"):
            Lifecycle("door", initial=Door.OPEN, moves=MOVES | {MemberStatus.ACTIVE: set()})

    def test_a_state_that_cannot_be_reached_is_refused(self) -> None:
        with pytest.raises(BrokenLifecycle, match=r"door: unreachable .*locked"):
            Lifecycle("door", initial=Door.OPEN, moves=MOVES | {Door.SHUT: {Door.OPEN}})

    def test_reachable_means_from_the_initial_state(self) -> None:
        with pytest.raises(BrokenLifecycle, match="unreachable"):
            Lifecycle("door", initial=Door.LOCKED, moves=MOVES)

    def test_a_table_may_go_round(self) -> None:
        ring = {Door.OPEN: {Door.SHUT}, Door.SHUT: {Door.LOCKED}, Door.LOCKED: {Door.OPEN}}
        assert Lifecycle("door", initial=Door.OPEN, moves=ring).allows(Door.LOCKED, Door.OPEN)

    def test_does_not_change_with_the_table_it_was_made_from(self) -> None:
        moves = {Door.OPEN: {Door.SHUT}, Door.SHUT: {Door.LOCKED}, Door.LOCKED: set[Door]()}
        door = Lifecycle("door", initial=Door.OPEN, moves=moves)
        moves[Door.LOCKED].add(Door.OPEN)
        assert not door.allows(Door.LOCKED, Door.OPEN)

    def test_b42_allows_the_listed_steps_and_no_other(self) -> None:
        allowed = {(old, new) for old in Door for new in Door if DOOR.allows(old, new)}
        assert allowed == {
            (Door.OPEN, Door.SHUT),
            (Door.SHUT, Door.OPEN),
            (Door.SHUT, Door.LOCKED),
        }

    def test_knows_where_a_state_is_reached_from(self) -> None:
        assert DOOR.sources_of(Door.OPEN) == [Door.SHUT]
        assert DOOR.sources_of(Door.SHUT) == [Door.OPEN]

    def test_is_written_as_sorted_text(self) -> None:
        assert DOOR.as_json() == {"locked": [], "open": ["shut"], "shut": ["locked", "open"]}


class TestMove:
    def test_sets_the_status_and_writes_the_step_down(self, begin: Begin, now: datetime) -> None:
        member = make_member(begin, now)
        later = now + timedelta(minutes=1)
        with begin() as session:
            row = session.get_one(Member, member.id, with_for_update=True)
            move(session, row, MemberStatus.DELETED, at=later, actor="member")
        with begin() as session:
            assert session.get_one(Member, member.id).status is MemberStatus.DELETED
        assert changes(begin) == [("member", member.id, "active", "deleted", later, "member")]

    def test_b42_refuses_a_step_that_is_not_listed_and_changes_nothing(
        self, begin: Begin, now: datetime
    ) -> None:
        member = make_member(begin, now, MemberStatus.DELETED)
        with begin() as session:
            row = session.get_one(Member, member.id, with_for_update=True)
            for to in MemberStatus:
                with pytest.raises(IllegalMove) as refusal:
                    move(session, row, to, at=now, actor="test")
                assert refusal.value.details == {"kind": "member", "old": "deleted", "new": to}
            assert row.status is MemberStatus.DELETED
        assert changes(begin) == []

    def test_the_step_goes_when_the_move_is_undone(self, begin: Begin, now: datetime) -> None:
        member = make_member(begin, now)

        def fail() -> None:
            with begin() as session:
                row = session.get_one(Member, member.id, with_for_update=True)
                move(session, row, MemberStatus.DELETED, at=now, actor="test")
                session.flush()
                raise LookupError

        with pytest.raises(LookupError):
            fail()
        assert changes(begin) == []


class TestMoveMany:
    TABLE: Any = Member.__table__

    def test_moves_the_named_rows_of_one_status_and_writes_each_down(
        self, begin: Begin, now: datetime
    ) -> None:
        one, two, other = (make_member(begin, now) for _ in range(3))
        gone = make_member(begin, now, MemberStatus.DELETED)
        wanted = self.TABLE.c.id.in_([one.id, two.id, gone.id])
        with begin() as session:
            moved = move_many(
                session,
                self.TABLE,
                MEMBER_LIFECYCLE,
                wanted,
                old=MemberStatus.ACTIVE,
                to=MemberStatus.DELETED,
                at=now,
                actor="sweep",
                values={"created_at": now - timedelta(days=1)},
            )
        assert set(moved) == {one.id, two.id}
        with begin() as session:
            rows = {row.id: row for row in session.scalars(select(Member))}
        assert {rows[one.id].status, rows[two.id].status} == {MemberStatus.DELETED}
        assert rows[one.id].created_at == now - timedelta(days=1)
        assert (rows[other.id].status, rows[other.id].created_at) == (MemberStatus.ACTIVE, now)
        assert rows[gone.id].created_at == now
        assert {step[1] for step in changes(begin)} == {one.id, two.id}
        assert {(step[0], *step[2:]) for step in changes(begin)} == {
            ("member", "active", "deleted", now, "sweep")
        }

    def test_writes_nothing_when_nothing_matches(self, begin: Begin, now: datetime) -> None:
        make_member(begin, now)
        with begin() as session:
            moved = move_many(
                session,
                self.TABLE,
                MEMBER_LIFECYCLE,
                self.TABLE.c.id == new_id(),
                old=MemberStatus.ACTIVE,
                to=MemberStatus.DELETED,
                at=now,
                actor="sweep",
            )
        assert moved == []
        assert changes(begin) == []

    def test_b42_refuses_a_step_that_is_not_listed(self, begin: Begin, now: datetime) -> None:
        member = make_member(begin, now, MemberStatus.DELETED)
        with begin() as session, pytest.raises(IllegalMove):
            move_many(
                session,
                self.TABLE,
                MEMBER_LIFECYCLE,
                self.TABLE.c.id == member.id,
                old=MemberStatus.DELETED,
                to=MemberStatus.ACTIVE,
                at=now,
                actor="sweep",
            )
