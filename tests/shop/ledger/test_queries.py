"""Reading the ledger: always summed from the transfers themselves."""

from datetime import datetime
from uuid import UUID, uuid4

import pytest

from kit.db import Begin
from kit.money import Fen
from shop.ledger import queries, rules, service
from shop.ledger.models import AccountKind
from shop.ledger.service import Cause, Side

FEES = Side(AccountKind.FEES)
WECHAT = Side(AccountKind.CLEARING, "wechat_pay")
ALIPAY = Side(AccountKind.CLEARING, "alipay")


def post(begin: Begin, now: datetime, debit: Side, credit: Side, fen: int, cause: Cause) -> None:
    """Post a transfer."""
    with begin() as session:
        service.transfer(
            session,
            debit=debit,
            credit=credit,
            amount_fen=Fen(fen),
            cause=cause,
            order_id=None,
            now=now,
        )


class TestListBalances:
    """list_balances: every account, also one that nothing touched."""

    def test_names_every_house_account(self, begin: Begin, now: datetime) -> None:
        """They sum to zero."""
        post(begin, now, WECHAT, FEES, 7, Cause("t", uuid4(), "x"))
        with begin() as session:
            found = queries.list_balances(session)
        assert {(row.kind, row.owner) for row in found} == set(rules.HOUSE_ACCOUNTS)
        assert sum(row.debits_less_credits_fen for row in found) == 0
        moved = {row.kind: row.debits_less_credits_fen for row in found if row.owner != "alipay"}
        assert (moved[AccountKind.CLEARING], moved[AccountKind.FEES]) == (7, -7)


class TestFindAmounts:
    """find_amounts: what is posted for a cause, on the account it belongs on."""

    def test_f105_sees_nothing_on_the_other_channels_account(
        self, begin: Begin, now: datetime
    ) -> None:
        """A posting on the wrong clearing account is as good as missing."""
        cause = Cause("payment", uuid4(), "captured")
        post(begin, now, WECHAT, FEES, 7, cause)

        def found(side: Side, leg: str = "captured") -> dict[UUID, Fen]:
            with begin() as session:
                account = rules.account_id(side.kind, side.owner)
                return dict(
                    queries.find_amounts(
                        session,
                        cause_kind="payment",
                        leg=leg,
                        cause_ids=[cause.id, uuid4()],
                        account_id=account,
                    )
                )

        assert found(WECHAT) == {cause.id: 7}
        assert found(ALIPAY) == {} == found(WECHAT, leg="done")

    def test_takes_more_numbers_than_a_statement_has_parameters(self, begin: Begin) -> None:
        """A day may have more payments than 65,535."""
        with begin() as session:
            assert not queries.find_amounts(
                session,
                cause_kind="payment",
                leg="captured",
                cause_ids=[UUID(int=number) for number in range(70_000)],
                account_id=rules.account_id(AccountKind.FEES),
            )


class TestListPosted:
    """list_posted: signed, debits up."""

    def test_signs_by_the_accounts_side(self, begin: Begin, now: datetime) -> None:
        """What was taken and what was given back."""
        cause_id = uuid4()
        post(begin, now, FEES, WECHAT, 7, Cause("bill_day", cause_id, "fees"))
        post(begin, now, WECHAT, FEES, 3, Cause("bill_day", cause_id, "fees_2"))
        with begin() as session:
            posted = queries.list_posted(
                session,
                cause_kind="bill_day",
                cause_id=cause_id,
                account_id=rules.account_id(AccountKind.FEES),
            )
        assert sorted(posted) == [-3, 7]


class TestRules:
    """account_id and is_debit_kind."""

    def test_names_and_ids_are_one_to_one(self) -> None:
        """The migration opened the house accounts under these ids."""
        ids = {rules.account_id(kind, owner) for kind, owner in rules.HOUSE_ACCOUNTS}
        assert len(ids) == len(rules.HOUSE_ACCOUNTS)

    @pytest.mark.parametrize("kind", AccountKind)
    def test_what_we_have_grows_by_debits(self, kind: AccountKind) -> None:
        """What we owe, and what we earned, by credits."""
        ours = {"clearing", "fees", "commissions", "commission_debt"}
        assert rules.is_debit_kind(kind) is (kind.value in ours)
