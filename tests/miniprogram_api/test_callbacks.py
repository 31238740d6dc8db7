"""Notices over HTTP: what is answered, and that it is answered only after the commit."""

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from shop.members.platforms import Platform
from shop.payments.gateway import Channel, NoticeRejected
from shop.payments.models import SecurityEvent
from tests.miniprogram_api.world import Person, World


def events(world: World) -> list[str]:
    """Return the kinds of security events written down."""
    with world.begin() as session:
        return list(session.scalars(select(SecurityEvent.kind).order_by(SecurityEvent.id)))


def open_trade(world: World, channel: str = "wechat_pay") -> tuple[Person, dict[str, Any], str]:
    """Return a member, their order, and the number of its open trade."""
    platform = Platform.WECHAT if channel == "wechat_pay" else Platform.ALIPAY
    member = world.member(platform=platform)
    order = member.order(world.make_sku())
    answer = member.post(f"/v1/orders/{order['id']}/payments", {"channel": channel}, key="p")
    return member, order, answer.get_json()["params"]["package"].removeprefix("prepay_id=")


class TestWechatPay:
    """POST /callbacks/wechat-pay."""

    def test_acknowledges_with_204(self, world: World) -> None:
        """And the order is fulfilled by then; a repeat is acknowledged too."""
        member, order, number = open_trade(world)
        for _ in range(2):
            answer = world.tell({"out_trade_no": number})
            assert (answer.status_code, answer.data) == (204, b"")
        assert member.get(f"/v1/orders/{order['id']}").get_json()["status"] == "fulfilled"

    def test_a01_refuses_what_is_not_authentic(self, world: World) -> None:
        """401 FAIL, one security event, no change."""
        member, order, number = open_trade(world)
        answer = world.tell({"out_trade_no": number}, signature="bad_signature")
        assert answer.status_code == 401
        assert answer.get_json() == {"code": "FAIL", "message": "通知未被接受"}
        assert events(world) == ["notice.bad_signature"]
        assert member.get(f"/v1/orders/{order['id']}").get_json()["status"] == "pending"

    def test_a_flood_of_forgeries_is_one_row_a_minute(self, world: World) -> None:
        """For each reason and channel; the next row says how many there were between."""
        for _ in range(5):
            world.tell({}, signature="bad_signature")
        world.tell({}, platform="alipay", signature="bad_signature")
        world.tell({}, signature="stale")
        world.now += timedelta(minutes=1)
        world.tell({}, signature="bad_signature")
        with world.begin() as session:
            rows = session.scalars(select(SecurityEvent).order_by(SecurityEvent.id)).all()
            told = [(row.kind, row.subject, row.detail["left_out"]) for row in rows]
        assert told == [
            ("notice.bad_signature", "wechat_pay", 0),
            ("notice.bad_signature", "alipay", 0),
            ("notice.stale", "wechat_pay", 0),
            ("notice.bad_signature", "wechat_pay", 4),
        ]

    def test_a05_a_probe_is_no_alarm(self, world: World) -> None:
        """Refused like any other, and nothing is written down."""
        assert world.tell({}, signature="probe").status_code == 401
        assert events(world) == []

    def test_a10_another_amount_is_refused_and_noted(self, world: World) -> None:
        """409 FAIL; a person looks at the event."""
        member, order, number = open_trade(world)
        answer = world.tell({"out_trade_no": number, "total_fen": 1})
        assert (answer.status_code, answer.get_json()["code"]) == (409, "FAIL")
        assert events(world) == ["notice.payments.trade_mismatch"]
        assert member.get(f"/v1/orders/{order['id']}").get_json()["status"] == "pending"

    def test_a15_an_unknown_number_is_no_500(self, world: World) -> None:
        """Refused and noted."""
        assert world.tell({"out_trade_no": "TP-nobodys", "total_fen": 1}).status_code == 409
        assert events(world) == ["notice.payments.unknown_trade"]

    @pytest.mark.parametrize("platform", ["wechat-pay", "alipay"])
    def test_a25_nothing_is_acknowledged_before_the_commit(
        self, world: World, platform: str
    ) -> None:
        """When the commit fails the platform hears no, sends again, and it is applied once."""
        channel = "alipay" if platform == "alipay" else "wechat_pay"
        member, order, number = open_trade(world, channel)

        @contextmanager
        def begin_and_fail() -> Iterator[Session]:
            with world.begin() as session:
                yield session
                session.flush()
                raise OperationalError("COMMIT", {}, Exception("connection lost"))

        world.app.extensions["ports"] = dataclasses.replace(world.ports, begin=begin_and_fail)
        answer = world.tell({"out_trade_no": number}, platform=platform)
        assert answer.status_code == 503
        assert answer.data != b"success"
        world.app.extensions["ports"] = world.ports
        assert member.get(f"/v1/orders/{order['id']}").get_json()["status"] == "pending"
        assert world.tell({"out_trade_no": number}, platform=platform).status_code in (200, 204)
        read = member.get(f"/v1/orders/{order['id']}").get_json()
        assert (read["status"], len(read["payments"])) == ("fulfilled", 1)

    def test_i143_a_megabyte_is_the_most(self, world: World) -> None:
        """413 beyond it."""
        answer = world.app.test_client().post("/callbacks/wechat-pay", data=b"x" * (1 << 20) + b"x")
        assert answer.status_code == 413


class TestAlipay:
    """POST /callbacks/alipay."""

    def test_acknowledges_with_the_word(self, world: World) -> None:
        """Exactly `success`, as plain text."""
        member, order, number = open_trade(world, "alipay")
        answer = world.tell({"out_trade_no": number}, platform="alipay")
        assert (answer.status_code, answer.data) == (200, b"success")
        assert answer.content_type.startswith("text/plain")
        assert member.get(f"/v1/orders/{order['id']}").get_json()["status"] == "fulfilled"

    def test_a01_refuses_with_the_other_word(self, world: World) -> None:
        """`failure`, with a 4xx."""
        answer = world.tell({}, platform="alipay", signature="bad_signature")
        assert (answer.status_code, answer.data) == (401, b"failure")
        assert events(world) == ["notice.bad_signature"]

    def test_a03_the_body_arrives_as_it_was_sent(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A form is not parsed before the signature over its bytes is checked."""
        sent = b"b=%E5%9B%A2&a=1+2&a=&sign=x%2B%2F%3D"
        seen: list[bytes] = []

        def read_notice(*, body: bytes, **_more: Any) -> Any:
            seen.append(body)
            raise NoticeRejected("bad_signature")

        monkeypatch.setattr(world.gateways[Channel.ALIPAY], "read_notice", read_notice)
        world.app.test_client().post(
            "/callbacks/alipay", data=sent, content_type="application/x-www-form-urlencoded"
        )
        assert seen == [sent]

    def test_a13_the_other_channels_trade(self, world: World) -> None:
        """A trade of WeChat Pay is not paid by a notice of Alipay."""
        member, order, number = open_trade(world)
        answer = world.tell({"out_trade_no": number, "total_fen": 1000}, platform="alipay")
        assert (answer.status_code, answer.data) == (409, b"failure")
        assert member.get(f"/v1/orders/{order['id']}").get_json()["status"] == "pending"
