"""Sending a withdrawal: once, whatever is lost; what waits, is refused, and ends."""

from datetime import timedelta

import pytest
from sqlalchemy import delete, select, update

from shop.members.models import Identity
from shop.payments.gateway import Channel, Refused, ResultUnknown
from shop.payments.transfer_gateway import TransferState
from shop.withdrawals import service
from shop.withdrawals.models import WithdrawalStatus
from shop.withdrawals.rules import REFUSALS_BEFORE_FAILED, UNSURE_FOR
from tests.factories.referrals import ReferralBench
from tests.factories.withdrawals import (
    ALIPAY,
    WECHAT,
    Dead,
    asked,
    events,
    fail_once,
    go_on,
    waiting,
)

S = WithdrawalStatus
T = TransferState


class TestPaid:
    """The way to the leader."""

    def test_alipay_pays_at_once(self, bench: ReferralBench) -> None:
        """One call, and nothing is asked."""
        leader, withdrawal = asked(bench, ALIPAY)
        bench.sweep("send")
        found = bench.withdrawal(withdrawal.id)
        assert (found.status, found.due_at, found.payee_ref) == (S.PAID, None, None)
        assert found.platform_no == f"p-{found.out_bill_no}"
        assert bench.transfers[ALIPAY].calls == [("send", found.out_bill_no)]
        assert bench.sums(leader) == (0, 600, 400, 0)
        assert bench.violations(with_books=True) == []

    def test_wechat_waits_for_the_leader(self, bench: ReferralBench) -> None:
        """Who takes it with what the platform gave; the question finds that it is taken."""
        leader, withdrawal, platform = waiting(bench)
        found = bench.withdrawal(withdrawal.id)
        assert (found.status, found.package_info) == (
            S.AWAITING_USER,
            f"package-{found.out_bill_no}",
        )
        assert (bench.sums(leader), bench.withdrawing(leader)) == ((0, 600, 0, 0), 400)
        platform.confirm(found.out_bill_no)
        go_on(bench, timedelta(minutes=1), 1)
        found = bench.withdrawal(withdrawal.id)
        assert (found.status, found.package_info) == (S.PAID, None)
        assert bench.violations(with_books=True) == []

    @pytest.mark.parametrize(("state", "ends"), [(T.FAILED, S.FAILED), (T.CANCELLED, S.CANCELLED)])
    def test_what_nobody_took_in_time_is_payable_again(
        self, bench: ReferralBench, state: TransferState, ends: WithdrawalStatus
    ) -> None:
        """And may be asked for once more, under another number."""
        leader, withdrawal, platform = waiting(bench)
        platform.confirm(withdrawal.out_bill_no, state)
        go_on(bench, timedelta(minutes=6), 1)
        assert bench.withdrawal(withdrawal.id).status is ends
        assert (bench.sums(leader), bench.withdrawing(leader)) == ((0, 1000, 0, 0), 0)
        again = bench.withdraw(leader, 400, ALIPAY)
        assert again.out_bill_no != withdrawal.out_bill_no
        bench.sweep("send")
        assert bench.violations(with_books=True) == []

    def test_a_silence_is_never_longer_than_five_minutes(self, bench: ReferralBench) -> None:
        """However long it has waited."""
        _, withdrawal, _ = waiting(bench)
        go_on(bench, timedelta(minutes=6), 12)
        due_at = bench.withdrawal(withdrawal.id).due_at
        assert due_at is not None
        assert due_at - bench.now == timedelta(minutes=5)


class TestUnknownOutcomes:
    """Never paid twice, never forgotten: asked about, then repeated under the same number."""

    @pytest.mark.parametrize("channel", [WECHAT, ALIPAY])
    @pytest.mark.parametrize("acted", [False, True])
    @pytest.mark.parametrize("error", [ResultUnknown("?"), Dead()])
    def test_a_lost_answer_or_a_killed_process(
        self, bench: ReferralBench, channel: Channel, acted: bool, error: BaseException
    ) -> None:
        """The platform has one transfer, and the leader what they asked for."""
        leader, withdrawal = asked(bench, channel)
        fail_once(bench, channel, "send", error, acted=acted)
        if isinstance(error, Dead):
            with pytest.raises(Dead):
                bench.sweep("send")
        else:
            bench.sweep("send")
        assert bench.withdrawal(withdrawal.id).status is S.SENDING
        go_on(bench, rounds=1)
        platform = bench.transfers[channel]
        assert list(platform.bills) == [withdrawal.out_bill_no]
        if channel is WECHAT:
            assert bench.withdrawal(withdrawal.id).package_info is not None
            platform.confirm(withdrawal.out_bill_no)
            go_on(bench, rounds=1)
        assert bench.withdrawal(withdrawal.id).status is S.PAID
        assert platform.paid_to(f"open-{leader}") == 400
        assert bench.violations(with_books=True) == []

    def test_the_payee_stays_though_they_sign_in_elsewhere(self, bench: ReferralBench) -> None:
        """A repeat names whom the first request named, or it would be another transfer."""
        leader, withdrawal = asked(bench, ALIPAY)
        fail_once(bench, ALIPAY, "send", ResultUnknown("?"), acted=True)
        bench.sweep("send")
        with bench.begin() as session:
            mine = session.scalars(select(Identity).where(Identity.member_id == leader))
            for identity in mine:
                identity.open_id = f"new-{identity.open_id}"
        bench.transfers[ALIPAY].bills[withdrawal.out_bill_no]["state"] = T.PROCESSING
        go_on(bench, rounds=1)
        bench.transfers[ALIPAY].confirm(withdrawal.out_bill_no)
        go_on(bench, rounds=1)
        assert bench.transfers[ALIPAY].paid_to(f"open-{leader}") == 400

    @pytest.mark.parametrize("was_sent", [False, True])
    def test_a_refused_question_says_nothing(self, bench: ReferralBench, was_sent: bool) -> None:
        """It is asked again, and nothing is given back meanwhile."""
        _, withdrawal = asked(bench, ALIPAY)
        fail_once(bench, ALIPAY, "send", ResultUnknown("?"), acted=was_sent)
        bench.sweep("send")
        for _ in range(2 * REFUSALS_BEFORE_FAILED):
            fail_once(bench, ALIPAY, "query", Refused("no", code="PARAM_ERROR"), acted=False)
            go_on(bench, rounds=1)
            assert bench.withdrawal(withdrawal.id).status is S.SENDING
        go_on(bench, rounds=1)
        assert bench.withdrawal(withdrawal.id).status is S.PAID


class TestRefused:
    """What the platform refuses again and again is payable again, if nothing can be on its way."""

    def test_gives_up_after_some_refusals(self, bench: ReferralBench) -> None:
        """With the platform's word; until then it is tried."""
        leader, withdrawal = asked(bench)
        bench.transfers[WECHAT].refusal = "PAYEE_NOT_EXIST"
        bench.sweep("send")
        go_on(bench, rounds=REFUSALS_BEFORE_FAILED - 2)
        assert bench.withdrawal(withdrawal.id).status is S.SENDING
        go_on(bench, rounds=1)
        found = bench.withdrawal(withdrawal.id)
        assert (found.status, found.reason) == (S.FAILED, "PAYEE_NOT_EXIST")
        assert bench.sums(leader) == (0, 1000, 0, 0)
        assert bench.violations(with_books=True) == []

    @pytest.mark.parametrize(
        "code",
        [
            "PAYER_BALANCE_NOT_ENOUGH",
            "NO_AUTH",
            "INVALID_REQUEST",
            "isv.invalid-signature",
            "40006",
        ],
    )
    def test_waits_for_the_house_to_repair_what_is_its_own(
        self, bench: ReferralBench, caplog: pytest.LogCaptureFixture, code: str
    ) -> None:
        """Money, rights, keys: however long that takes. The log says so each time."""
        _, withdrawal = asked(bench, ALIPAY)
        bench.transfers[ALIPAY].refusal = code
        bench.sweep("send")
        go_on(bench, rounds=3 * REFUSALS_BEFORE_FAILED)
        found = bench.withdrawal(withdrawal.id)
        assert (found.status, found.last_error) == (S.SENDING, code)
        errors = [record for record in caplog.records if record.levelname == "ERROR"]
        assert len(errors) == found.attempts
        bench.transfers[ALIPAY].refusal = ""
        go_on(bench, rounds=1)
        assert bench.withdrawal(withdrawal.id).status is S.PAID

    def test_not_while_a_lost_request_may_still_arrive(self, bench: ReferralBench) -> None:
        """An hour after the last that nobody answered, none can."""
        leader, withdrawal = asked(bench)
        fail_once(bench, WECHAT, "send", ResultUnknown("?"), acted=False)
        bench.sweep("send")
        lost_at = bench.now
        bench.transfers[WECHAT].refusal = "PAYEE_NOT_EXIST"
        for _ in range(3 * REFUSALS_BEFORE_FAILED):
            go_on(bench, timedelta(minutes=3), rounds=1)
        found = bench.withdrawal(withdrawal.id)
        assert (found.status, found.unsure_at) == (S.SENDING, lost_at)
        bench.now = max(bench.now, lost_at + UNSURE_FOR)
        go_on(bench, rounds=1)
        assert bench.withdrawal(withdrawal.id).status is S.FAILED
        assert bench.sums(leader) == (0, 1000, 0, 0)

    def test_whoever_the_platform_forgot_is_paid_nothing(self, bench: ReferralBench) -> None:
        """A member without an identity there."""
        leader, withdrawal = asked(bench)
        with bench.begin() as session:
            session.execute(delete(Identity).where(Identity.member_id == leader))
        bench.sweep("send")
        assert bench.withdrawal(withdrawal.id).status is S.FAILED
        assert bench.transfers[WECHAT].calls == []


class TestNotBelieved:
    """Answers that cannot be: an alarm or a question more, and nothing is given back or paid."""

    def test_a_platform_that_forgets_what_it_had(self, bench: ReferralBench) -> None:
        """Though the leader wants it no more: they may still take it there."""
        leader, withdrawal, platform = waiting(bench)
        with bench.begin() as session:
            service.cancel(session, withdrawal.id, member_id=leader, now=bench.now)
        bill = platform.bills.pop(withdrawal.out_bill_no)
        go_on(bench, UNSURE_FOR, rounds=2)
        assert bench.withdrawal(withdrawal.id).status is S.AWAITING_USER
        assert bench.withdrawing(leader) == 400
        platform.bills[withdrawal.out_bill_no] = bill
        go_on(bench, rounds=1)
        assert bench.withdrawal(withdrawal.id).status is S.CANCELLED
        assert bench.sums(leader) == (0, 1000, 0, 0)

    def test_another_amount_than_was_sent(self, bench: ReferralBench) -> None:
        """It is written down for a person, and asked again."""
        leader, withdrawal, platform = waiting(bench)
        platform.bills[withdrawal.out_bill_no].update(fen=401, state=T.DONE)
        go_on(bench, rounds=1)
        found = bench.withdrawal(withdrawal.id)
        assert (found.status, found.last_error) == (
            S.AWAITING_USER,
            "withdrawals.transfer_mismatch",
        )
        assert events(bench) == ["withdrawal.mismatch"]
        platform.bills[withdrawal.out_bill_no]["fen"] = 400
        go_on(bench, rounds=1)
        assert bench.sums(leader) == (0, 600, 400, 0)


class TestOtherNames:
    """Our application or merchant is another one by now, though the platform is the same."""

    def test_what_was_not_sent_goes_by_the_new_ones(self, bench: ReferralBench) -> None:
        """To the person as that application knows them."""
        leader, withdrawal = asked(bench, ALIPAY)
        platform = bench.transfers[ALIPAY]
        platform.app_id, platform.merchant_id = "app-2", "merchant-2"
        with bench.begin() as session:
            session.execute(update(Identity).values(app_id="app-2"))
        bench.sweep("send")
        found = bench.withdrawal(withdrawal.id)
        assert (found.status, found.app_id, found.merchant_id) == (S.PAID, "app-2", "merchant-2")
        assert (platform.paid_to(f"open-{leader}"), events(bench)) == (400, [])

    @pytest.mark.parametrize("name", ["app_id", "merchant_id"])
    def test_what_was_sent_waits_for_a_person(self, bench: ReferralBench, name: str) -> None:
        """Nothing is called: another merchant would pay it again. They are told once."""
        leader, withdrawal = asked(bench)
        platform = bench.transfers[WECHAT]
        fail_once(bench, WECHAT, "send", ResultUnknown("?"), acted=True)
        bench.sweep("send")
        before, calls = getattr(platform, name), list(platform.calls)
        setattr(platform, name, "another")
        go_on(bench)
        assert bench.withdrawal(withdrawal.id).status is S.SENDING
        assert (platform.calls, events(bench)) == (calls, ["withdrawal.other_names"])
        setattr(platform, name, before)
        platform.confirm(withdrawal.out_bill_no)
        go_on(bench, rounds=1)
        assert bench.sums(leader) == (0, 600, 400, 0)
