"""Posting: one transfer per cause, for ever; the database refuses what the code would not do."""

from datetime import datetime
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from kit.db import Begin, make_engine
from kit.money import MOST_FEN, Fen
from shop.ledger import queries, service
from shop.ledger.models import AccountKind
from shop.ledger.rules import account_id
from shop.ledger.service import Cause, Side

CLEARING = Side(AccountKind.CLEARING, "alipay")
UNEARNED = Side(AccountKind.UNEARNED)
RAW = text(
    "INSERT INTO transfers (debit_account_id, credit_account_id, amount_fen, cause_kind, cause_id,"
    " leg, order_id, at) VALUES (:debit, :credit, :fen, 'test', :cause, 'x', NULL, now())"
)


def post(
    begin: Begin,
    now: datetime,
    *,
    fen: int = 100,
    cause: Cause | None = None,
    debit: Side = CLEARING,
) -> None:
    """Post a transfer."""
    with begin() as session:
        service.transfer(
            session,
            debit=debit,
            credit=UNEARNED,
            amount_fen=Fen(fen),
            cause=cause or Cause("test", uuid4(), "x"),
            order_id=None,
            now=now,
        )


class TestTransfer:
    """transfer: from account to account, once."""

    def test_moves_money_between_two_accounts(self, begin: Begin, now: datetime) -> None:
        """What one has more, the other has less."""
        post(begin, now, fen=123)
        with begin() as session:
            found = {
                row.kind: row.debits_less_credits_fen for row in queries.list_balances(session)
            }
        assert found[AccountKind.UNEARNED] == -123
        assert sum(found.values()) == 0 or found[AccountKind.CLEARING] in (0, 123)

    def test_posts_a_cause_once(self, begin: Begin, now: datetime) -> None:
        """I5: the same fact a second time undoes its transaction; another leg is another fact."""
        cause = Cause("payment", uuid4(), "captured")
        post(begin, now, cause=cause)
        with pytest.raises(IntegrityError, match="uq_transfers_cause_kind_cause_id_leg"):
            post(begin, now, cause=cause)
        post(begin, now, cause=Cause(cause.kind, cause.id, "done"))

    @pytest.mark.parametrize("fen", [0, -1, MOST_FEN + 1, 2**63 - 1])
    def test_f96_refuses_an_amount_no_platform_takes(
        self, begin: Begin, now: datetime, fen: int
    ) -> None:
        """Zero, negative, beyond CNY 100 million, beyond everything."""
        with pytest.raises(IntegrityError, match="amount_fen_positive"):
            post(begin, now, fen=fen)

    def test_refuses_an_account_that_does_not_exist(self, begin: Begin, now: datetime) -> None:
        """A channel without an account cannot take money in."""
        with pytest.raises(IntegrityError, match="fk_transfers_debit_account_id_accounts"):
            post(begin, now, debit=Side(AccountKind.CLEARING, "nobody"))


class TestInsertOnly:
    """F91 and F92: by raw SQL, with the application's own rights."""

    @pytest.mark.parametrize(
        ("change", "refusal"),
        [
            ({"credit": account_id(AccountKind.CLEARING, "alipay")}, "two_accounts"),
            ({"debit": None}, "null value"),
            ({"credit": None}, "null value"),
            ({"fen": -5}, "amount_fen_positive"),
        ],
    )
    def test_f91_nothing_unbalanced_can_be_written(
        self, begin: Begin, change: dict[str, UUID | int | None], refusal: str
    ) -> None:
        """Both sides are one row: there is no half of a posting."""
        values = {
            "debit": account_id(AccountKind.CLEARING, "alipay"),
            "credit": account_id(AccountKind.UNEARNED),
            "fen": 5,
            "cause": uuid4(),
        }
        with pytest.raises(IntegrityError, match=refusal), begin() as session:
            session.execute(RAW, values | change)

    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE transfers SET amount_fen = 1",
            "DELETE FROM transfers",
            "TRUNCATE transfers",
            "ALTER TABLE transfers DISABLE TRIGGER ALL",
            "SET session_replication_role = replica",
            "UPDATE accounts SET kind = 'sales'",
            "DELETE FROM accounts",
        ],
    )
    def test_f92_the_application_may_not_change_a_fact(
        self, engine: Engine, statement: str
    ) -> None:
        """Permission denied."""
        with (
            engine.connect() as connection,
            pytest.raises(DBAPIError, match=r"denied|must be owner"),
        ):
            connection.execute(text(statement))

    @pytest.mark.parametrize(
        "statement",
        ["UPDATE transfers SET amount_fen = 1", "DELETE FROM transfers", "TRUNCATE transfers"],
    )
    def test_f92_nor_may_the_owner_by_accident(
        self, owner_url: str, now: datetime, statement: str
    ) -> None:
        """The triggers stop whoever has the rights."""
        engine = make_engine(owner_url)
        with engine.connect() as connection:
            connection.execute(
                RAW,
                {
                    "debit": account_id(AccountKind.CLEARING, "alipay"),
                    "credit": account_id(AccountKind.UNEARNED),
                    "fen": 5,
                    "cause": uuid4(),
                },
            )
            with pytest.raises(DBAPIError, match="are facts"):
                connection.execute(text(statement))
        engine.dispose()
