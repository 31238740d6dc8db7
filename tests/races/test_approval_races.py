"""Two persons and one request in the same moment: it is decided once, and carried out once."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from kit.db import Begin
from kit.ids import new_id
from kit.lifecycle import IllegalMove
from shop.approvals import jobs, service
from shop.approvals.models import Approval, ApprovalKind, ApprovalStatus
from shop.approvals.rules import LASTS, Action, Done, Persons, Wanted
from shop.operators import queries as operators
from shop.operators import service as managing
from shop.operators.deeds import Doer, write_down
from shop.operators.models import Operator, OperatorAction, OperatorStatus
from shop.operators.rules import Permission
from tests.races.at_once import at_once, errors

S = ApprovalStatus
ROUNDS = 4


class Bureau:
    """Operators, and an action that counts how often it is carried out: a name that it changes."""

    def __init__(self, begin: Begin, now: datetime) -> None:
        self.begin = begin
        self.now = now
        self.actions = {
            ApprovalKind.REFUND: Action(
                Permission.REFUND, "orders.refund", "order", lambda *_: {}, self._perform
            )
        }

    def person(self, name: str, *roles: str) -> Doer:
        """Make an operator."""
        operator = Operator(
            id=new_id(),
            name=f"{name}-{new_id().hex[-6:]}",
            status=OperatorStatus.ACTIVE,
            roles=list(roles),
            password_hash="none",
            totp_sealed=b"",
            created_by="tests",
            created_at=self.now,
        )
        with self.begin() as session:
            session.add(operator)
        return Doer(operator.name, operator.id)

    def ask(self, by: Doer) -> UUID:
        """Ask for something."""
        wanted = Wanted(
            kind=ApprovalKind.REFUND,
            subject=str(new_id()),
            arguments={"line_id": None},
            amount_fen=None,
            why="x",
        )
        with self.begin() as session:
            asker = operators.get_operator(session, self._id(by))
            return service.ask(session, wanted, by=asker, now=self.now).id

    def approve(self, approval_id: UUID, doer: Doer) -> ApprovalStatus:
        """Approve it."""
        with self.begin() as session:
            return service.approve(
                session, approval_id, actions=self.actions, doer=doer, now=self.now
            ).status

    def refuse(self, approval_id: UUID, doer: Doer) -> ApprovalStatus:
        """Refuse it."""
        with self.begin() as session:
            return service.refuse(
                session, approval_id, why="no", actions=self.actions, doer=doer, now=self.now
            ).status

    def withdraw(self, approval_id: UUID, doer: Doer) -> ApprovalStatus:
        """Withdraw it."""
        with self.begin() as session:
            return service.withdraw(session, approval_id, doer=doer, now=self.now).status

    def disable(self, doer: Doer) -> None:
        """Disable an operator."""
        with self.begin() as session:
            found = operators.lock_operator(session, self._id(doer))
            managing.disable_operator(session, found, doer=Doer("command"), now=self.now)

    def status_of(self, approval_id: UUID) -> ApprovalStatus:
        """Return how a request stands."""
        with self.begin() as session:
            return session.get_one(Approval, approval_id).status

    def times_done(self, approval_id: UUID) -> int:
        """Count how often it was carried out."""
        with self.begin() as session:
            subject = session.get_one(Approval, approval_id).subject
            done = select(OperatorAction.id).where(
                OperatorAction.action == "test.done", OperatorAction.subject == subject
            )
            return len(session.scalars(done).all())

    def _perform(
        self, session: Session, approval: Approval, persons: Persons, now: datetime
    ) -> Done:
        write_down(
            session,
            Doer(persons.decided_by),
            action="test.done",
            subject_kind="test",
            subject=approval.subject,
            before=None,
            after=None,
            now=now,
        )
        return Done({}, {})

    def _id(self, doer: Doer) -> UUID:
        assert doer.operator_id is not None
        return doer.operator_id


@pytest.fixture
def bureau(real_begin: Begin, now: datetime) -> Bureau:
    """Return a bureau whose transactions commit."""
    return Bureau(real_begin, now)


@pytest.mark.race
class TestAtOnce:
    def test_two_approvers_carry_it_out_once(self, bureau: Bureau) -> None:
        asker = bureau.person("asker", "support")
        first, second = bureau.person("first", "finance"), bureau.person("second", "owner")
        for _ in range(ROUNDS):
            found = bureau.ask(asker)
            results = at_once(*(partial(bureau.approve, found, who) for who in (first, second)))
            assert len(errors(results)) == 1
            assert bureau.status_of(found) is S.CARRIED_OUT
            assert bureau.times_done(found) == 1

    @pytest.mark.parametrize("other", ["withdraw", "refuse", "expire", "disable"])
    def test_approving_against_what_ends_it(self, bureau: Bureau, other: str) -> None:
        first, second = bureau.person("first", "finance"), bureau.person("second", "owner")
        for _ in range(ROUNDS):
            asker = bureau.person("asker", "support")
            found = bureau.ask(asker)
            against: dict[str, Callable[[], Any]] = {
                "withdraw": partial(bureau.withdraw, found, asker),
                "refuse": partial(bureau.refuse, found, second),
                "expire": partial(jobs.expire_due_approvals, bureau.begin, now=bureau.now + LASTS),
                "disable": partial(bureau.disable, asker),
            }
            results = at_once(partial(bureau.approve, found, first), against[other])
            ended = bureau.status_of(found)
            ends = {"withdraw": S.WITHDRAWN, "refuse": S.REFUSED, "expire": S.EXPIRED}
            assert ended in (S.CARRIED_OUT, ends.get(other, S.FAILED)), results
            assert bureau.times_done(found) == (1 if ended is S.CARRIED_OUT else 0)


class TestDatabase:
    def test_h133_itself_refuses_one_person_for_both(self, bureau: Bureau) -> None:
        asker = bureau.person("asker", "owner")
        found = bureau.ask(asker)
        with bureau.begin() as session:
            end = partial(service._end, actor=asker.name, now=bureau.now)
            approval = session.get_one(Approval, found)
            end(
                session,
                approval,
                S.REFUSED,
                decider=operators.get_operator(session, bureau._id(asker)),
            )
            with pytest.raises(IntegrityError, match="two_persons"):
                session.flush()
            session.rollback()

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("why", "another"),
            ("amount_fen", 1),
            ("subject", "another"),
            ("arguments", {"line_id": "1"}),
        ],
    )
    def test_keeps_what_was_asked_for(self, bureau: Bureau, name: str, value: Any) -> None:
        found = bureau.ask(bureau.person("asker", "support"))
        with pytest.raises(DBAPIError), bureau.begin() as session:
            setattr(session.get_one(Approval, found), name, value)

    def test_keeps_every_request(self, bureau: Bureau) -> None:
        found = bureau.ask(bureau.person("asker", "support"))
        with pytest.raises(DBAPIError), bureau.begin() as session:
            session.delete(session.get_one(Approval, found))

    def test_an_ended_request_ends_no_more(self, bureau: Bureau) -> None:
        asker = bureau.person("asker", "support")
        found = bureau.ask(asker)
        bureau.withdraw(found, asker)
        with pytest.raises(IllegalMove), bureau.begin() as session:
            service.expire(session, session.get_one(Approval, found), now=bureau.now)
