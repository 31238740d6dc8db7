"""What WeCom and WeChat push, over HTTP: answered in their words, and only when it is for us."""

import dataclasses
import json
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from sandbox.pushes import Address, xml_of
from shop.chat_groups.models import ChatGroupEvent
from shop.members import jobs
from shop.members.models import Member
from shop.payments.models import SecurityEvent
from shop.ports import Heard
from tests.doubles.pushes import APP_ID, CORP_ID, address, group_event
from tests.miniprogram_api.owned import own_group
from tests.miniprogram_api.world import World

URL = "https://img.example/a.png"


def push(world: World, where: str, text: str, *, age: float = 0, **changes: str) -> TestResponse:
    """Send a message as the platform does."""
    receiver = {"wecom": CORP_ID, "wechat": APP_ID}[where]
    outside: Address = dataclasses.replace(address(receiver), **changes)
    sealed = outside.sealed(text)
    at: datetime = world.now - timedelta(seconds=age)
    body = {"ToUserName": receiver, "Encrypt": sealed}
    return world.app.test_client().post(
        f"/callbacks/{where}",
        query_string=outside.query(sealed, at),
        data=xml_of(body) if where == "wecom" else json.dumps(body),
    )


def verdict(trace_id: str, suggest: str = "pass", **more: Any) -> str:
    told = {
        "MsgType": "event",
        "Event": "wxa_media_check",
        "appid": APP_ID,
        "trace_id": trace_id,
        "errcode": 0,
        "result": {"suggest": suggest, "label": 100},
    }
    return json.dumps(told | more)


def events(world: World) -> list[str]:
    with world.begin() as session:
        return list(session.scalars(select(SecurityEvent.kind).order_by(SecurityEvent.id)))


class TestWecom:
    """GET and POST /callbacks/wecom."""

    def test_takes_a_message(self, world: World) -> None:
        answer = push(world, "wecom", group_event("wr1", "create", world.now))
        assert (answer.status_code, answer.text) == (200, "success")
        with world.begin() as session:
            assert session.scalars(select(ChatGroupEvent.chat_id)).all() == ["wr1"]

    def test_answers_the_challenge_with_nothing_around_it(self, world: World) -> None:
        outside = address(CORP_ID)
        sealed = outside.sealed("739182465")
        query = outside.query(sealed, world.now) | {"echostr": sealed}
        client = world.app.test_client()
        answer = client.get("/callbacks/wecom", query_string=query)
        assert (answer.status_code, answer.data) == (200, b"739182465")
        forged = client.get("/callbacks/wecom", query_string=query | {"nonce": "1"})
        assert (forged.status_code, forged.text) == (401, "failure")

    @pytest.mark.parametrize(
        ("how", "why"),
        [
            ({"token": "T" * 32}, "bad_signature"),
            ({"aes_key": "k" * 43}, "undecryptable"),
            ({"receiver": "ww0000000000000000"}, "foreign_receiver"),
            ({"age": 301}, "stale"),
        ],
    )
    def test_a01_refuses_what_is_not_authentic(
        self, world: World, how: dict[str, Any], why: str
    ) -> None:
        answer = push(world, "wecom", group_event("wr1", "create", world.now), **how)
        assert (answer.status_code, answer.text) == (401, "failure")
        assert events(world) == [f"notice.{why}"]
        with world.begin() as session:
            assert session.scalars(select(ChatGroupEvent.id)).all() == []

    @pytest.mark.parametrize("body", [b"", b"{}", b"<xml/>", b"\x00", b"<!DOCTYPE a><xml/>"])
    def test_odd_bodies_are_refused_not_errors(self, world: World, body: bytes) -> None:
        answer = world.app.test_client().post("/callbacks/wecom", data=body)
        assert answer.status_code == 401

    @pytest.mark.parametrize("where", ["wecom", "wechat"])
    def test_is_closed_when_nothing_is_set_up(self, world: World, where: str) -> None:
        world.app.extensions["ports"] = dataclasses.replace(world.ports, heard=Heard())
        client = world.app.test_client()
        assert client.get(f"/callbacks/{where}").status_code == 404
        assert push(world, where, "x").status_code == 404


class TestWechat:
    """GET and POST /callbacks/wechat."""

    @pytest.mark.parametrize("heard", [0, 1, 2])
    def test_a_picture_is_shown_when_nothing_was_found_in_it(
        self, world: World, heard: int
    ) -> None:
        member = world.member("open-of-hers")
        group_id = own_group(world, member)["group_id"]
        assert member.send("PATCH", "/v1/me", json={"avatar_url": URL}).status_code == 200
        jobs.check_due_avatars(world.begin, world.images_by_platform, now=world.now)
        assert world.images.asked == [(URL, "open-of-hers")]
        for _ in range(heard):
            answer = push(world, "wechat", verdict("trace-1"))
            assert (answer.status_code, answer.text) == (200, "success")
        me = member.get("/v1/me").get_json()
        assert (me["avatar_url"], me["is_avatar_shown"]) == (URL, heard > 0)
        read = world.visitor().get(f"/v1/groups/{group_id}").get_json()
        assert read["members"][0]["avatar_url"] == (URL if heard else None)

    @pytest.mark.parametrize("suggest", ["risky", "review"])
    def test_what_was_found_is_not_shown(self, world: World, suggest: str) -> None:
        member = world.member()
        member.send("PATCH", "/v1/me", json={"avatar_url": URL})
        jobs.check_due_avatars(world.begin, world.images_by_platform, now=world.now)
        assert push(world, "wechat", verdict("trace-1", suggest)).status_code == 200
        with world.begin() as session:
            assert not session.get_one(Member, UUID(member.id)).is_avatar_fit

    @pytest.mark.parametrize(
        "text",
        [
            verdict("trace-1", appid="wx0000000000000000"),
            verdict("trace-1", suggest="perhaps"),
            verdict("no trace"),
            "[]",
            "x",
        ],
    )
    def test_a13_foreign_and_odd_ones_are_refused(self, world: World, text: str) -> None:
        assert push(world, "wechat", text).status_code == 401

    def test_a22_a_verdict_before_our_commit_is_sent_again(self, world: World) -> None:
        assert push(world, "wechat", verdict("trace-1")).status_code == 409
        assert events(world) == []

    def test_other_kinds_are_taken(self, world: World) -> None:
        text = verdict("trace-1", Event="subscribe_msg_popup_event")
        assert push(world, "wechat", text).status_code == 200

    def test_answers_the_greeting(self, world: World) -> None:
        outside, at = address(APP_ID), str(int(world.now.timestamp()))
        signature = world.ports.heard.wechat_messages
        assert signature is not None
        query = {"timestamp": at, "nonce": "7", "echostr": "5527"}
        query["signature"] = signature.sign(at, "7")
        client = world.app.test_client()
        assert client.get("/callbacks/wechat", query_string=query).data == b"5527"
        query["signature"] = outside.query("", world.now)["msg_signature"]
        assert client.get("/callbacks/wechat", query_string=query).status_code == 401
