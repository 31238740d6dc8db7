"""Withdrawing over HTTP: asking once, looking, taking, cancelling, and the platform's notice."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from werkzeug.test import TestResponse

from app.reactions import REACTIONS
from kit.outbox import relay
from shop.members.platforms import Platform
from shop.payments.gateway import Channel
from shop.payments.transfer_gateway import TransferState
from shop.withdrawals import jobs
from tests.factories.referrals import ReferralBench
from tests.miniprogram_api.hall import code_of
from tests.miniprogram_api.world import GENUINE, Person, World


@pytest.fixture
def leader(world: World) -> Person:
    """Return a leader to whom 1,000 fen are payable."""
    bench = ReferralBench(world.begin, world.now, vault=world.vault)
    person = world.member()
    bench.rule(holds_days=0)
    bench.appoint(UUID(person.id))
    bench.sold(UUID(person.id), price_fen=10_000)
    bench.sweep("mature")
    return person


def ask(person: Person, fen: int = 400, channel: str = "wechat_pay", key: str = "") -> TestResponse:
    """Ask for an amount."""
    body = {"amount_fen": fen, "channel": channel}
    return person.post("/v1/withdrawals", body, key=key or uuid4().hex)


def asked(person: Person, fen: int = 400, channel: str = "wechat_pay") -> dict[str, Any]:
    """Ask for an amount and return the withdrawal."""
    answer = ask(person, fen, channel)
    assert answer.status_code == 201, answer.get_json()
    made: dict[str, Any] = answer.get_json()["withdrawal"]
    return made


def send(world: World) -> None:
    """Let the sweeps run once."""
    jobs.send_due_withdrawals(world.begin, world.transfers, now=world.now)
    jobs.ask_about_due_withdrawals(world.begin, world.transfers, now=world.now)


def see(person: Person, withdrawal: dict[str, Any]) -> dict[str, Any]:
    """Return the withdrawal as its leader sees it."""
    read: dict[str, Any] = person.get(f"/v1/withdrawals/{withdrawal['id']}").get_json()
    return read


class TestWithdrawals:
    """POST and GET /v1/withdrawals."""

    def test_the_leader_takes_what_waits_for_them(self, world: World, leader: Person) -> None:
        """And the platform's notice ends it; statement and sums tell it."""
        made = asked(leader)
        assert (made["status"], made["params"], made["can_cancel"]) == ("approved", None, True)
        send(world)
        read = see(leader, made)
        assert (read["withdrawal"]["status"], read["poll_after_ms"]) == ("awaiting_user", 2000)
        assert read["withdrawal"]["params"] == {
            "mchId": "merchant-1",
            "appId": "app-1",
            "package": f"package-{made['number']}",
        }
        world.transfers[Channel.WECHAT_PAY].confirm(made["number"])
        told = world.tell({"out_bill_no": made["number"]}, platform="wechat-pay-transfers")
        assert (told.status_code, told.data) == (204, b"")
        read = see(leader, made)
        assert (read["withdrawal"]["status"], read["poll_after_ms"]) == ("paid", None)
        earnings = leader.get("/v1/earnings").get_json()
        assert earnings["sums"]["paid_fen"] == 400
        kinds = [(line["kind"], line["withdrawal_id"]) for line in earnings["items"][:2]]
        assert kinds == [("paid_out", made["id"]), ("withdrawn", made["id"])]

    def test_the_same_wish_is_one_withdrawal(self, world: World, leader: Person) -> None:
        """The same answer again; another body under the key is refused."""
        first, second = ask(leader, key="w"), ask(leader, key="w")
        assert first.get_json() == second.get_json()
        assert code_of(ask(leader, 401, key="w")) == (409, "idempotency_key_reused")
        assert code_of(ask(leader)) == (409, "withdrawals.open_already")
        page = leader.get("/v1/withdrawals").get_json()
        assert [item["amount_fen"] for item in page["items"]] == [400]
        assert (page["payable_fen"], page["left_today_fen"]) == (600, 999_600)
        assert page["terms"]["maximum_fen"] == 100_000

    def test_refusals_say_why(self, world: World, leader: Person) -> None:
        """Nothing is set apart by any of them."""
        assert code_of(ask(leader, 1001)) == (409, "referral.not_enough_payable")
        assert code_of(ask(leader, 0)) == (409, "withdrawals.amount_out_of_range")
        assert code_of(ask(leader, 100_001)) == (409, "withdrawals.amount_out_of_range")
        assert code_of(ask(leader, 400, "alipay")) == (409, "withdrawals.no_payee")
        malformed = leader.post(
            "/v1/withdrawals", {"amount_fen": 4.5, "channel": "wechat_pay"}, key="m"
        )
        assert malformed.status_code == 422
        assert leader.get("/v1/earnings").get_json()["sums"]["withdrawing_fen"] == 0

    def test_is_cancelled_before_it_is_sent(self, world: World, leader: Person) -> None:
        """And not twice."""
        made = asked(leader)
        path = f"/v1/withdrawals/{made['id']}/cancel"
        answer = leader.post(path)
        assert answer.get_json()["withdrawal"]["status"] == "cancelled"
        assert code_of(leader.post(path)) == (409, "withdrawals.not_cancellable")
        assert leader.get("/v1/earnings").get_json()["sums"]["payable_fen"] == 1000

    def test_nobody_deletes_an_account_with_one_open(self, world: World, leader: Person) -> None:
        """Before it has ended."""
        asked(leader)
        answer = leader.send("DELETE", "/v1/me")
        assert code_of(answer) == (409, "members.unfinished_withdrawal")


class TestNotices:
    """POST /callbacks/wechat-pay-transfers."""

    def test_refuses_what_is_not_authentic_or_not_ours(self, world: World, leader: Person) -> None:
        """In the platform's words."""
        made = asked(leader)
        send(world)
        path = "wechat-pay-transfers"
        forged = world.tell(
            {"out_bill_no": made["number"], "state": "done"}, platform=path, signature="bad"
        )
        assert (forged.status_code, forged.get_json()["code"]) == (401, "FAIL")
        foreign = world.tell({"out_bill_no": "TW-nobodys"}, platform=path, signature=GENUINE)
        assert (foreign.status_code, foreign.get_json()["code"]) == (409, "FAIL")
        assert see(leader, made)["withdrawal"]["status"] == "awaiting_user"


class TestMessages:
    """POST /callbacks/alipay-messages."""

    def tell(self, world: World, made: dict[str, Any], **told: Any) -> tuple[int, str]:
        """Send a message about a withdrawal, and return what is answered."""
        signature = told.pop("signature", GENUINE)
        body = {"out_bill_no": made["number"], **told}
        answer = world.tell(body, platform="alipay-messages", signature=signature)
        return answer.status_code, answer.get_data(as_text=True)

    @pytest.fixture
    def made(self, world: World, leader: Person) -> dict[str, Any]:
        """Return a withdrawal that Alipay works at."""
        world.transfers[Channel.ALIPAY].starts = TransferState.PROCESSING
        phone = "phone:+8613800138000"
        leader.post("/v1/me/phone", {"credential": phone})
        other = world.member(platform=Platform.ALIPAY)
        joined = other.post("/v1/me/phone", {"credential": phone, "join": True})
        assert joined.status_code == 200, joined.get_json()
        while relay(world.begin, REACTIONS, now=world.now):
            pass
        made = asked(leader, channel="alipay")
        send(world)
        assert see(leader, made)["withdrawal"]["status"] == "sending"
        return made

    def test_ends_the_withdrawal_once(
        self, world: World, leader: Person, made: dict[str, Any]
    ) -> None:
        """Late and repeated ones are taken, and change nothing."""
        world.transfers[Channel.ALIPAY].confirm(made["number"])
        for state in ("done", "done", "processing"):
            assert self.tell(world, made, state=state) == (200, "success")
        assert see(leader, made)["withdrawal"]["status"] == "paid"
        assert leader.get("/v1/earnings").get_json()["sums"]["paid_fen"] == 400

    def test_refuses_what_is_not_authentic_or_contradicts(
        self, world: World, leader: Person, made: dict[str, Any]
    ) -> None:
        """In the platform's words, and nothing is paid."""
        assert self.tell(world, made, signature="bad_signature") == (401, "failure")
        assert self.tell(world, made, state="done", amount_fen=401) == (409, "failure")
        assert self.tell(world, {"number": "TW-nobodys"}, state="done") == (409, "failure")
        assert see(leader, made)["withdrawal"]["status"] == "sending"
        assert leader.get("/v1/earnings").get_json()["sums"]["withdrawing_fen"] == 400

    def test_takes_other_kinds_without_doing_anything(
        self, world: World, leader: Person, made: dict[str, Any]
    ) -> None:
        """The application's gateway hears of much that is not ours."""
        assert self.tell(world, made, kind="open_app_auth_notify") == (200, "success")
        assert see(leader, made)["withdrawal"]["status"] == "sending"
