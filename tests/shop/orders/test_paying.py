"""Starting a payment: written down first, one trade at a time, one number whatever happens."""

from itertools import count
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import delete, func, select, update

from kit.ids import new_id
from shop.members.models import Identity, SignIn
from shop.members.platforms import Platform
from shop.orders import paying
from shop.orders.models import OrderStatus
from shop.orders.paying import NoPayerIdentity, NotPayable, PaymentRefused, PlatformUnsure
from shop.orders.queries import OrderNotFound
from shop.payments.gateway import Channel, Refused, ResultUnknown
from shop.payments.models import Payment, PaymentStatus
from tests.factories.bench import KEY, PAY_WITHIN, Bench
from tests.factories.trouble import Trouble, calls


def pending(bench: Bench) -> Any:
    """Return the id of an order that waits for its payment."""
    return bench.place(bench.member(), (bench.sku(), 1))


def sign_in(bench: Bench, member_id: UUID, open_id: str | None = None) -> SignIn:
    """Return a sign-in of the member on a new device; by an identity of its own if named."""
    identity_id = None if open_id is None else new_id()
    with bench.begin() as session:
        if identity_id is not None:
            session.add(
                Identity(
                    id=identity_id,
                    member_id=member_id,
                    platform=Platform.WECHAT,
                    app_id="app-1",
                    open_id=open_id,
                    created_at=bench.now,
                )
            )
            session.flush()
        made = SignIn(
            id=new_id(),
            member_id=member_id,
            identity_id=identity_id,
            platform=Platform.WECHAT,
            token_hash=new_id().bytes * 2,
            created_at=bench.now,
            expires_at=bench.now + PAY_WITHIN,
        )
        session.add(made)
    return made


class TestStartPayment:
    """start_payment: write down, ask, store."""

    def test_returns_what_the_client_pays_with(self, bench: Bench) -> None:
        """The trade has the order's price and ends with the order."""
        order_id = pending(bench)
        payment = bench.start_payment(order_id)
        assert payment.params == {"package": f"prepay_id={payment.out_trade_no}"}
        assert (payment.status, payment.amount_fen) == (PaymentStatus.PREPAID, 1000)
        assert payment.expires_at == bench.order(order_id).pay_by
        assert payment.due_at is not None

    def test_returns_the_same_trade_again(self, bench: Bench) -> None:
        """Without asking the platform a second time."""
        order_id = pending(bench)
        assert bench.start_payment(order_id).id == bench.start_payment(order_id).id
        assert len(calls(bench, "prepay")) == 1

    def test_writes_the_trade_down_before_it_asks(self, bench: Bench) -> None:
        """When the platform is called, the row is committed: no charge can be unknown."""
        order_id = pending(bench)
        seen: list[int | None] = []

        def look(call: str, has_acted: bool) -> None:
            with bench.begin() as session:
                seen.append(session.scalar(select(func.count()).select_from(Payment)))

        bench.wechat.trouble = look
        bench.start_payment(order_id)
        assert seen == [1, 1]

    @pytest.mark.parametrize("has_acted", [False, True])
    def test_j159_repeats_the_number_of_an_unknown_result(
        self, bench: Bench, has_acted: bool
    ) -> None:
        """The platform may have opened the trade: the second try is the same trade."""
        order_id = pending(bench)
        bench.wechat.trouble = Trouble("prepay", ResultUnknown("lost"), has_acted=has_acted)
        with pytest.raises(PlatformUnsure):
            bench.start_payment(order_id)
        bench.start_payment(order_id)
        assert len(set(calls(bench, "prepay"))) == 1
        assert len(bench.payments(order_id)) == 1

    def test_tells_that_the_platform_refused(self, bench: Bench) -> None:
        """The member may take the other channel then."""
        order_id = pending(bench)
        bench.wechat.trouble = Trouble("prepay", Refused("no", code="NO_AUTH"))
        with pytest.raises(PaymentRefused):
            bench.start_payment(order_id)
        assert bench.start_payment(order_id, Channel.ALIPAY).channel is Channel.ALIPAY

    def test_closes_the_first_channel_before_it_opens_the_second(self, bench: Bench) -> None:
        """There is never more than one trade that can be paid."""
        order_id, number = bench.open_trade()
        second = bench.start_payment(order_id, Channel.ALIPAY)
        assert bench.wechat.trades[number]["state"] == "closed"
        assert [payment.status for payment in bench.payments(order_id)] == [
            PaymentStatus.CLOSED,
            PaymentStatus.PREPAID,
        ]
        assert second.attempt == 2

    def test_opens_no_second_channel_while_the_first_may_be_paid(self, bench: Bench) -> None:
        """The platform did not say that it is closed."""
        order_id, _ = bench.open_trade()
        bench.wechat.trouble = Trouble("close", ResultUnknown("lost"))
        with pytest.raises(NotPayable):
            bench.start_payment(order_id, Channel.ALIPAY)
        assert bench.platforms[Channel.ALIPAY].trades == {}

    def test_takes_no_trade_of_another_channel_for_its_own(self, bench: Bench) -> None:
        """A second device opened it in between: one platform is never asked about the other's."""
        order_id, number = bench.open_trade()
        begin, opened = bench.begin, count(1)

        def open_the_first_channel_again() -> Any:
            # Between the transaction that closed the first channel and the next one.
            if bench.wechat.trades[number]["state"] == "closed" and next(opened) == 2:
                bench.begin = begin
                bench.start_payment(order_id)
            return begin()

        bench.begin = open_the_first_channel_again
        with pytest.raises(NotPayable):
            bench.start_payment(order_id, Channel.ALIPAY)
        assert bench.platforms[Channel.ALIPAY].trades == {}
        assert len(bench.payments(order_id)) == 2

    def test_a_device_pays_by_the_identity_that_signed_in_there(self, bench: Bench) -> None:
        """Of joined members there are two; the platform lets nobody else pay a trade."""
        member_id = bench.member()
        order_id = bench.place(member_id, (bench.sku(), 1))
        old = sign_in(bench, member_id, open_id="old-phone")
        new = sign_in(bench, member_id, open_id="new-phone")
        paid_by = {}
        for device in (old, new, old):
            number = bench.start_payment(order_id, on=device).out_trade_no
            paid_by[number] = bench.wechat.trades[number]["payer"]
        assert list(paid_by.values()) == ["old-phone", "new-phone", "old-phone"]
        states = [bench.wechat.trades[number]["state"] for number in paid_by]
        assert states == ["closed", "closed", "not_paid"]
        again = bench.start_payment(order_id, on=old)
        assert again.out_trade_no == number

    def test_the_other_platforms_identity_pays_there(self, bench: Bench) -> None:
        """Who signed in on the one may pay on the other."""
        member_id = bench.member()
        order_id = bench.place(member_id, (bench.sku(), 1))
        here = sign_in(bench, member_id, open_id="phone")
        number = bench.start_payment(order_id, Channel.ALIPAY, on=here).out_trade_no
        assert bench.platforms[Channel.ALIPAY].trades[number]["payer"] == f"open-{member_id}"

    def test_an_identity_that_became_another_members_pays_nothing_here(self, bench: Bench) -> None:
        """The trade is opened for an identity of the member's own."""
        member_id, other = bench.member(), bench.member()
        order_id = bench.place(member_id, (bench.sku(), 1))
        device = sign_in(bench, member_id, open_id="phone")
        with bench.begin() as session:
            session.execute(
                update(Identity).where(Identity.open_id == "phone").values(member_id=other)
            )
        number = bench.start_payment(order_id, on=device).out_trade_no
        assert bench.wechat.trades[number]["payer"] == f"open-{member_id}"

    def test_a_trade_of_which_nobody_knows_for_whom_goes_on(self, bench: Bench) -> None:
        """It was opened before that was written down."""
        order_id, number = bench.open_trade()
        with bench.begin() as session:
            session.execute(update(Payment).values(opened_for=None))
        assert bench.start_payment(order_id).out_trade_no == number

    def test_learns_that_the_first_channel_is_paid(self, bench: Bench) -> None:
        """No second trade: the order is fulfilled by the first."""
        order_id, number = bench.open_trade()
        bench.wechat.pay(number)
        with pytest.raises(NotPayable):
            bench.start_payment(order_id, Channel.ALIPAY)
        assert bench.order(order_id).status is OrderStatus.FULFILLED

    @pytest.mark.parametrize("state", ["paid", "closed"])
    def test_learns_what_became_of_a_trade_that_is_over(self, bench: Bench, state: str) -> None:
        """The answer to the prepay was lost, and the trade ended meanwhile."""
        order_id = pending(bench)
        bench.wechat.trouble = Trouble("prepay", ResultUnknown("lost"), has_acted=True)
        with pytest.raises(PlatformUnsure):
            bench.start_payment(order_id)
        number = bench.payments(order_id)[0].out_trade_no
        bench.wechat.pay(number)
        bench.wechat.trades[number]["state"] = state
        with pytest.raises(NotPayable):
            bench.start_payment(order_id)
        told = (bench.order(order_id).status, bench.payments(order_id)[0].status)
        assert (
            told
            == {
                "paid": (OrderStatus.FULFILLED, PaymentStatus.CAPTURED),
                "closed": (OrderStatus.PENDING, PaymentStatus.CLOSED),
            }[state]
        )

    def test_b35_gives_no_parameters_for_an_order_cancelled_meanwhile(self, bench: Bench) -> None:
        """The member cancelled while the platform was asked: nobody can pay that trade."""
        order_id = pending(bench)

        def cancel(call: str, has_acted: bool) -> None:
            bench.wechat.trouble = None
            bench.cancel(order_id)

        bench.wechat.trouble = cancel
        with pytest.raises(NotPayable):
            bench.start_payment(order_id)
        bench.sweep("close")
        assert bench.order(order_id).status is OrderStatus.CLOSED
        assert bench.wechat.trades[bench.payments(order_id)[0].out_trade_no]["state"] == "closed"

    def test_refuses_an_order_whose_time_is_over(self, bench: Bench) -> None:
        """From `pay_by` on, swept or not; and one that was cancelled, or is somebody else's."""
        order_id = pending(bench)
        bench.now += PAY_WITHIN
        with pytest.raises(NotPayable):
            bench.start_payment(order_id)

    def test_refuses_somebody_elses_order(self, bench: Bench) -> None:
        """As if there were none."""
        with pytest.raises(OrderNotFound):
            paying.start_payment(
                bench.begin,
                bench.platforms,
                order_id=pending(bench),
                sign_in=sign_in(bench, bench.member()),
                channel=Channel.WECHAT_PAY,
                payer_hash_key=KEY,
                clock=lambda: bench.now,
            )

    def test_needs_the_member_to_be_known_there(self, bench: Bench) -> None:
        """The platform pays from an account of its own application alone."""
        order_id = pending(bench)
        with bench.begin() as session:
            session.execute(delete(Identity))
        with pytest.raises(NoPayerIdentity):
            bench.start_payment(order_id)
