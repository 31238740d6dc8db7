"""Pages of money: payments, the ledger down to one entry, bills, and what reports say."""

import re
from datetime import date, timedelta

import pytest
from sqlalchemy import select

from console.report_tables import LONGEST, span_of
from kit.clock import business_date, business_day_bounds
from kit.ids import new_id
from shop.ledger.models import AccountKind, Transfer
from shop.ledger.rules import account_id
from shop.orders.models import Order
from shop.payments import service as payments
from shop.payments.gateway import BillRowKind, Channel
from shop.payments.models import Payment
from shop.reports import jobs as reports
from shop.settlement.models import BillDay, BillLine
from tests.console.office import Office
from tests.console.test_pages import bought

CLEARING = account_id(AccountKind.CLEARING, "wechat_pay")
HOSTILE = ("", "x", "'--", "9" * 40, "-1", "<script>", "0001-01-01", "９")


def close_day(office: Office) -> date:
    """Let the day of the purchase be over and summed for good; return it."""
    world = office.world
    day = business_date(world.now)
    reports.sum_due_days(world.begin, now=world.now)
    reports.sum_due_days(world.begin, now=business_day_bounds(day)[1] + timedelta(hours=1))
    return day


def bill(office: Office, order: Order) -> BillDay:
    """Write the day's bill down, with one row more than we have."""
    made = BillDay(
        id=new_id(),
        channel=Channel.WECHAT_PAY,
        day=business_date(office.world.now),
        downloaded_at=office.world.now,
        matched_at=office.world.now,
        sha256="a" * 64,
    )
    with office.world.begin() as session:
        session.add(made)
        session.flush()
        number = session.scalars(
            select(Payment.out_trade_no).where(Payment.order_id == order.id)
        ).one()
        for kind, fen in ((BillRowKind.PAYMENT, 2000), (BillRowKind.REFUND, 500)):
            session.add(
                BillLine(
                    id=new_id(),
                    bill_day_id=made.id,
                    kind=kind,
                    transaction_no="T1",
                    out_trade_no=number,
                    out_refund_no="R1" if kind is BillRowKind.REFUND else None,
                    amount_fen=fen,
                    fee_fen=12 if kind is BillRowKind.PAYMENT else -3,
                    at=office.world.now,
                )
            )
    return made


def payment_of(office: Office, order: Order) -> Payment:
    """Return the order's payment."""
    with office.world.begin() as session:
        return session.scalars(select(Payment).where(Payment.order_id == order.id)).one()


class TestPayments:
    def test_a_list_narrowed_by_what_one_looks_for(self, office: Office) -> None:
        _support, order = bought(office)
        number = payment_of(office, order).out_trade_no
        clerk = office.clerk("finance")
        for query, is_there in {
            "": True,
            "?status=captured": True,
            "?status=closed": False,
            "?channel=wechat_pay": True,
            "?channel=alipay": False,
            "?channel=wechat_pay&status=captured": True,
            "?status=nonsense&channel=nonsense": True,
        }.items():
            assert (number in clerk.page(f"/payments{query}")) is is_there, query
        assert clerk.get("/payments?cursor=nonsense").status_code == 422

    def test_a_page_follows_the_other(
        self, office: Office, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("console.payments.PAGE", 1)
        numbers = [payment_of(office, bought(office)[1]).out_trade_no for _ in range(3)]
        clerk, seen = office.clerk("finance"), []
        for query in ("?", "?status=captured&channel=wechat_pay&"):
            path = f"/payments{query}"
            while path:
                page = clerk.page(path)
                seen += [number for number in numbers if number in page]
                found = re.search(r'ms-auto" href="/console([^"]*)"', page)
                path = found[1].replace("&amp;", "&") if found else ""
        assert seen == [*reversed(numbers), *reversed(numbers)]

    def test_one_trade_with_all_that_was_heard_of_it(self, office: Office) -> None:
        _support, order = bought(office)
        payment = payment_of(office, order)
        with office.world.begin() as session:
            payments.note_security_event(
                session,
                kind="payment.mismatch",
                subject=payment.out_trade_no,
                detail={"fields": ["amount_fen"]},
                now=office.world.now,
            )
        page = office.clerk("auditor").page(f"/payments/{payment.id}")
        for words in (payment.out_trade_no, str(payment.transaction_no), order.order_no,
                      "payment.mismatch", "amount_fen", "待支付 → 已收款", "¥20.00"):  # fmt: skip
            assert words in page, words
        assert office.clerk("finance").get(f"/payments/{new_id()}").status_code == 404


class TestLedger:
    @pytest.mark.parametrize("is_closed", [False, True])
    def test_balances_are_of_this_moment(self, office: Office, is_closed: bool) -> None:
        """However much of it is summed already."""
        bought(office)
        if is_closed:
            close_day(office)
            office.world.now += timedelta(days=1)
            bought(office)
        clerk = office.clerk("finance")
        page = clerk.page("/ledger")
        assert "借贷相等" in page
        assert ("¥40.00" if is_closed else "¥20.00") in page
        account = clerk.page(f"/ledger/accounts/{CLEARING}")
        assert ("¥40.00" if is_closed else "¥20.00") in account

    def test_from_an_account_to_the_order(self, office: Office) -> None:
        _support, order = bought(office)
        day = close_day(office)
        clerk = office.clerk("finance")
        account = clerk.page(f"/ledger/accounts/{CLEARING}?day={day}")
        assert "日终余额" in account
        found = re.search(r"/console(/ledger/transfers/\d+)", account)
        assert found is not None
        transfer = clerk.page(found[1])
        assert order.order_no in transfer
        assert payment_of(office, order).out_trade_no in transfer
        assert "没有分录" in clerk.page(f"/ledger/accounts/{CLEARING}?day=2025-01-01")

    def test_entries_page_by_page(self, office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("console.ledger.PAGE", 1)
        for _ in range(2):
            bought(office)
        clerk = office.clerk("finance")
        first = clerk.page(f"/ledger/accounts/{CLEARING}")
        with office.world.begin() as session:
            numbers = session.scalars(
                select(Transfer.seq)
                .where(Transfer.debit_account_id == CLEARING)
                .order_by(Transfer.seq.desc())
            ).all()
        assert f"/ledger/transfers/{numbers[0]}" in first
        second = clerk.page(f"/ledger/accounts/{CLEARING}?cursor={numbers[0]}")
        assert f"/ledger/transfers/{numbers[1]}" in second
        assert f"/ledger/transfers/{numbers[0]}" not in second

    def test_what_is_not_there(self, office: Office) -> None:
        clerk = office.clerk("finance")
        for path in ("/ledger/kinds/clearing", "/ledger/kinds/x", f"/ledger/accounts/{new_id()}",
                     f"/ledger/transfers/{2**63}", "/ledger/transfers/0"):  # fmt: skip
            assert clerk.get(path).status_code == 404, path
        assert "没有账户" in clerk.page("/ledger/kinds/commission_payable")


class TestReconciliation:
    def test_a_day_with_its_bill_beside_what_we_booked(self, office: Office) -> None:
        _support, order = bought(office)
        close_day(office)
        made = bill(office, order)
        clerk = office.clerk("finance")
        days = clerk.page("/reconciliation")
        assert "已核对" in days
        assert f"/reconciliation/wechat_pay/{made.day}" in days
        page = clerk.page(f"/reconciliation/wechat_pay/{made.day}")
        assert "¥14.91" in page  # 20.00 less 5.00 less 0.12 and 0.03 back
        assert payment_of(office, order).out_trade_no in page
        only = clerk.page(f"/reconciliation/wechat_pay/{made.day}?kind=refund")
        assert "R1" in only
        assert payment_of(office, order).out_trade_no not in only
        assert "还没有账单" in clerk.page(f"/reconciliation?before={made.day}")

    def test_what_is_not_there(self, office: Office) -> None:
        clerk = office.clerk("finance")
        for path in ("wechat_pay/x", "nobody/2026-11-20", "alipay/2026-11-20"):
            assert clerk.get(f"/reconciliation/{path}").status_code == 404, path


class TestReports:
    def test_sales_are_told_by_day_channel_and_product(self, office: Office) -> None:
        clerk, _order = bought(office)
        close_day(office)
        clerk = office.clerk("finance")
        for report, words in {
            "days": "¥20.00",
            "channels": "微信支付",
            "products": "游戏点卡 · 10 元",
            "campaigns": "不属于活动",
            "stock": "游戏点卡 · 10 元",
            "nonsense": "每日销售",
        }.items():
            page = clerk.page(f"/reports?report={report}")
            assert words in page, report
            assert 'data-chart="' in page

    def test_a_refund_is_told_by_its_reason(self, office: Office) -> None:
        clerk, order = bought(office)
        path = f"/orders/{order.id}"
        assert clerk.post(f"{path}/refund", version=clerk.version(path), why="x").status_code == 303
        close_day(office)
        page = office.clerk("planner").page("/reports?report=refunds")
        assert "会员申请" in page
        assert 'data-value="1000"' in page

    def test_where_nothing_happened_it_says_so(self, office: Office) -> None:
        clerk = office.clerk("auditor")
        for report in ("groups", "sell-outs", "leaders", "refunds"):
            assert "这些日子没有数据" in clerk.page(f"/reports?report={report}")
        assert "没有数据" not in clerk.page("/reports?report=commissions")  # zeros are numbers

    def test_spans_are_never_longer_than_a_year(self) -> None:
        today = date(2026, 11, 28)
        assert span_of(None, None, today=today).since == date(2026, 10, 30)
        wide = span_of(date(2020, 1, 1), None, today=today)
        assert (wide.until - wide.since).days == LONGEST - 1
        turned = span_of(date(2026, 12, 24), today, today=today)
        assert turned.since == turned.until == today


class TestHostile:
    def test_no_address_breaks_a_page(self, office: Office) -> None:
        clerk = office.clerk("owner")
        for path, names in {
            "/payments": ("status", "channel", "cursor"),
            "/ledger/kinds/commission_payable": ("cursor",),
            f"/ledger/accounts/{CLEARING}": ("day", "before", "cursor"),
            "/reconciliation": ("before",),
            "/reports": ("report", "since", "until"),
            "/exports": ("cursor",),
        }.items():
            for name in names:
                for value in HOSTILE:
                    answer = clerk.get(path, query_string={name: value})
                    assert answer.status_code in (200, 422), (path, name, value)
