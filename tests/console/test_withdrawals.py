"""Withdrawals in the console: reviewed once, sent by the sweep, asked about again."""

from shop.withdrawals import jobs
from shop.withdrawals.models import Withdrawal, WithdrawalStatus
from tests.console.office import Clerk, Office
from tests.console.people import asked, earning_leader
from tests.console.test_campaigns import actions

S = WithdrawalStatus


def status_of(office: Office, withdrawal: Withdrawal) -> WithdrawalStatus:
    """Return how it stands."""
    with office.world.begin() as session:
        return session.get_one(Withdrawal, withdrawal.id).status


def waiting(office: Office) -> tuple[Clerk, Withdrawal, str]:
    """Return a finance clerk, a withdrawal in review, and its page."""
    withdrawal = asked(office, earning_leader(office))
    return office.clerk("finance"), withdrawal, f"/withdrawals/{withdrawal.id}"


class TestReview:
    def test_what_waits_is_listed_and_told(self, office: Office) -> None:
        clerk, withdrawal, path = waiting(office)
        assert withdrawal.out_bill_no in clerk.page("/withdrawals")
        assert withdrawal.out_bill_no in clerk.page("/withdrawals?status=all")
        assert withdrawal.out_bill_no not in clerk.page("/withdrawals?status=paid")
        page = clerk.page(path)
        for words in ("¥3.00", "¥0.03", "¥2.97", "¥2.00", "申请提现", "待审核", "通过提现"):
            assert words in page, words
        assert "通过提现" not in office.clerk("auditor").page(path)

    def test_approved_it_is_sent_by_the_sweep(self, office: Office) -> None:
        clerk, withdrawal, path = waiting(office)
        version = clerk.version(path)
        assert clerk.post(f"{path}/approve", version=version).status_code == 303
        assert clerk.post(f"{path}/approve", version=version).status_code == 409
        assert status_of(office, withdrawal) is S.APPROVED
        jobs.send_due_withdrawals(office.world.begin, office.world.transfers, now=office.world.now)
        assert status_of(office, withdrawal) is S.AWAITING_USER
        page = clerk.page(path)
        assert "…" in page  # of the account that is paid, its end alone
        assert actions(office) == [("withdrawals.approve", clerk.name)]

    def test_rejected_it_is_payable_again(self, office: Office) -> None:
        clerk, withdrawal, path = waiting(office)
        version = clerk.version(path)
        assert clerk.post(f"{path}/reject", version=version, why=" ").status_code == 422
        assert clerk.post(f"{path}/reject", version=version, why="账户异常").status_code == 303
        assert status_of(office, withdrawal) is S.REJECTED
        page = clerk.page(path)
        assert "账户异常" in page
        assert "¥5.00" in page
        assert [one for one, _ in actions(office)] == ["withdrawals.reject"]

    def test_a_stale_page_changes_nothing_and_keeps_what_was_typed(self, office: Office) -> None:
        clerk, withdrawal, path = waiting(office)
        answer = clerk.post(f"{path}/reject", version="0", why="账户异常")
        page = answer.get_data(as_text=True)
        assert answer.status_code == 409
        assert "账户异常" in page
        assert withdrawal.out_bill_no in page
        assert status_of(office, withdrawal) is S.IN_REVIEW
        assert actions(office) == []


class TestAskAgain:
    def test_an_unknown_result_is_asked_about_at_once(self, office: Office) -> None:
        clerk, withdrawal, path = waiting(office)
        clerk.post(f"{path}/approve", version=clerk.version(path))
        sweep = (office.world.begin, office.world.transfers)
        jobs.send_due_withdrawals(*sweep, now=office.world.now)
        office.world.transfers[withdrawal.channel].confirm(withdrawal.out_bill_no)
        jobs.ask_about_due_withdrawals(*sweep, now=office.world.now)
        assert status_of(office, withdrawal) is S.AWAITING_USER  # not due yet
        path_of_asking = f"{path}/ask-again"
        assert clerk.post(path_of_asking, version=clerk.version(path)).status_code == 303
        jobs.ask_about_due_withdrawals(*sweep, now=office.world.now)
        assert status_of(office, withdrawal) is S.PAID
        answer = clerk.post(path_of_asking, version="0")
        assert answer.status_code == 409
        assert "clearing wechat_pay" in clerk.page(path)

    def test_nothing_is_asked_about_what_was_not_sent(self, office: Office) -> None:
        clerk, _withdrawal, path = waiting(office)
        answer = clerk.post(f"{path}/ask-again", version=clerk.version(path))
        assert answer.status_code == 409
        assert "无需查询" in answer.get_data(as_text=True)


class TestHostile:
    def test_what_makes_no_sense_is_as_if_absent(self, office: Office) -> None:
        clerk, _withdrawal, _path = waiting(office)
        for query in ("status=x", "leader=x", "status=all&leader=%27", "status=" + "9" * 4000):
            assert clerk.get(f"/withdrawals?{query}").status_code == 200, query
        assert clerk.get("/withdrawals?cursor=x").status_code == 422
        assert clerk.get("/withdrawals/00000000-0000-0000-0000-000000000000").status_code == 404
