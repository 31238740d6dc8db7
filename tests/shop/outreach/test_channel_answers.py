"""Answers of the messaging platforms that are no answers: each becomes a failure with a name."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import pytest
from redis import Redis

from kit.wecom import RobotWebhook, WecomApi
from shop.outreach.content_check import WechatContentCheck
from shop.outreach.gateway import (
    ChannelError,
    ChannelRefused,
    ChannelUnavailable,
    GroupTask,
    MemberMessage,
    OutcomeUnknown,
    RateLimited,
    RobotMessage,
)
from shop.outreach.subscribe import SubscribeMessages
from shop.outreach.wecom import WecomGroupTasks, WecomRobots
from tests.doubles.http import Answer, Asked, ScriptedServer
from tests.doubles.wechat import Wechat, make_api

CONTACT = "/cgi-bin/externalcontact"
ADD = f"{CONTACT}/add_msg_template"
RESULT = f"{CONTACT}/get_groupmsg_send_result"
LIST = f"{CONTACT}/get_groupmsg_list_v2"
MEMBERS = f"{CONTACT}/get_groupmsg_task"
UPLOAD = "/cgi-bin/media/upload"
SEND = "/cgi-bin/message/subscribe/send"
CHECK = "/wxa/msg_sec_check"
OK = {"errcode": 0, "errmsg": "ok"}
NOW = datetime(2026, 11, 20, tzinfo=UTC)
TASK = GroupTask("zhang", ["wr-1"], "开团了")
CARD = GroupTask("zhang", ["wr-1"], "开团了", title="今晚八点", page="index")


class Company:
    """qyapi.weixin.qq.com in a test's hand: the same answer for a path again and again."""

    def __init__(self, server: ScriptedServer) -> None:
        """Answer with tokens until told more."""
        self.server = server
        self.answers: dict[str, Any] = {
            "/cgi-bin/gettoken": OK | {"access_token": "token", "expires_in": 7200}
        }
        server.answer = self._answer

    def _answer(self, asked: Asked) -> Answer:
        told = self.answers.get(urlsplit(asked.target).path)
        if isinstance(told, Answer):
            return told
        return Answer(404) if told is None else Answer(200, json.dumps(told).encode())


@pytest.fixture
def company() -> Iterator[Company]:
    with ScriptedServer() as server:
        yield Company(server)


@pytest.fixture
def tasks(company: Company, redis: "Redis") -> WecomGroupTasks:
    api = WecomApi(
        corp_id="ww-1",
        corp_secret="secret-of-the-company",
        base_url=company.server.url,
        timeout_seconds=2,
        redis=redis,
    )
    return WecomGroupTasks(api, mini_program="wx-1", cover=b"\x89PNG\r\n\x1a\n", redis=redis)


class TestRobots:
    @pytest.mark.parametrize(
        ("told", "raised"),
        [
            ({"errcode": "0"}, OutcomeUnknown),
            ({}, OutcomeUnknown),
            ([], OutcomeUnknown),
            (Answer(200, b"<html>"), OutcomeUnknown),
            (Answer(302, b"", {"Location": "/elsewhere"}), OutcomeUnknown),
            (Answer(500, b'{"errcode":0}'), OutcomeUnknown),
            ({"errcode": 45009}, RateLimited),
            ({"errcode": -1}, ChannelUnavailable),
            ({"errcode": 60020}, ChannelUnavailable),
            ({"errcode": 40058}, ChannelRefused),
        ],
    )
    def test_an_answer_is_a_success_only_when_it_says_so(
        self, company: Company, told: Any, raised: type[ChannelError]
    ) -> None:
        company.answers["/cgi-bin/webhook/send"] = told
        robots = WecomRobots(RobotWebhook(base_url=company.server.url, timeout_seconds=2))
        with pytest.raises(ChannelError) as failure:
            robots.send(key="key", message=RobotMessage("开团了"))
        assert type(failure.value) is raised


class TestGroupTasks:
    def test_a_task_without_a_number_may_have_been_made(
        self, company: Company, tasks: WecomGroupTasks
    ) -> None:
        company.answers[ADD] = OK
        with pytest.raises(OutcomeUnknown):
            tasks.create(TASK)

    @pytest.mark.parametrize("told", [OK, {"errcode": 45009}, Answer(502, b"")])
    def test_without_its_picture_a_task_was_surely_not_made(
        self, company: Company, tasks: WecomGroupTasks, told: Any
    ) -> None:
        company.answers |= {UPLOAD: told, ADD: OK | {"msgid": "msg-1"}}
        with pytest.raises((ChannelUnavailable, RateLimited)):
            tasks.create(CARD)
        assert ADD not in [urlsplit(asked.target).path for asked in company.server.asked]

    def test_a_picture_that_is_refused_twice_is_not_lent_for_ever(
        self, company: Company, tasks: WecomGroupTasks
    ) -> None:
        company.answers |= {UPLOAD: OK | {"media_id": "media"}, ADD: {"errcode": 40007}}
        with pytest.raises(ChannelRefused) as refusal:
            tasks.create(CARD)
        assert refusal.value.code == "40007"
        assert len([one for one in company.server.asked if ADD in one.target]) == 2

    @pytest.mark.parametrize(
        "told",
        [
            OK,
            OK | {"send_list": "none"},
            OK | {"send_list": ["wr-1"]},
            OK | {"send_list": [{"chat_id": "wr-1", "status": 9}]},
            OK | {"send_list": [{"chat_id": "wr-1", "status": 1}]},
            OK | {"send_list": [], "next_cursor": "again and again"},
        ],
    )
    def test_results_that_make_no_sense_are_asked_for_later(
        self, company: Company, tasks: WecomGroupTasks, told: Any
    ) -> None:
        company.answers[RESULT] = told
        with pytest.raises(ChannelUnavailable):
            tasks.results(msgid="msg-1", sender="zhang")

    def test_a_record_without_a_text_is_still_one(
        self, company: Company, tasks: WecomGroupTasks
    ) -> None:
        record = {"msgid": "msg-1", "create_time": int(NOW.timestamp())}
        company.answers[LIST] = OK | {"group_msg_list": [record]}
        [seen] = tasks.list_made(since=NOW, until=NOW)
        assert (seen.msgid, seen.text, seen.created_at) == ("msg-1", "", NOW)

    @pytest.mark.parametrize(
        ("members", "sender"), [([], ""), ([{}], ""), ([{"userid": "zhang"}], "zhang")]
    )
    def test_a_task_of_nobody_has_no_sender(
        self, company: Company, tasks: WecomGroupTasks, members: Any, sender: str
    ) -> None:
        company.answers[MEMBERS] = OK | {"task_list": members}
        assert tasks.sender_of(msgid="msg-1") == sender

    def test_a_token_refused_twice_is_an_outage(
        self, company: Company, tasks: WecomGroupTasks
    ) -> None:
        company.answers[ADD] = {"errcode": 42001}
        with pytest.raises(ChannelUnavailable):
            tasks.create(TASK)
        assert len([one for one in company.server.asked if ADD in one.target]) == 2

    def test_the_secret_is_in_no_failure(self, company: Company, tasks: WecomGroupTasks) -> None:
        company.answers["/cgi-bin/gettoken"] = {"errcode": 40001, "errmsg": "invalid credential"}
        with pytest.raises(ChannelUnavailable) as failure:
            tasks.create(TASK)
        assert "secret-of-the-company" in company.server.asked[0].target
        assert "secret" not in str(failure.value)
        assert "40001" in str(failure.value)


class TestWechat:
    @pytest.fixture
    def wechat(self) -> Iterator[Wechat]:
        with ScriptedServer() as server:
            yield Wechat(server)

    @pytest.mark.parametrize(
        ("told", "raised"),
        [
            (Answer(500), OutcomeUnknown),
            (Answer(200, b"<html>"), OutcomeUnknown),
            ({"errcode": 45047}, RateLimited),
            ({"errcode": 48001}, ChannelUnavailable),
            ({"errcode": 43108}, ChannelRefused),
        ],
    )
    def test_what_may_have_been_sent_is_told_from_what_was_not(
        self,
        wechat: Wechat,
        redis: "Redis",
        told: Any,
        raised: type[ChannelError],
    ) -> None:
        wechat.answers[SEND] = [told]
        messages = SubscribeMessages(make_api(wechat.server, redis))
        with pytest.raises(ChannelError) as failure:
            messages.send(MemberMessage("o1", "t1", {"thing1": "礼卡"}, "/pages/a"))
        assert type(failure.value) is raised

    def test_a_message_is_sent_as_documented(self, wechat: Wechat, redis: "Redis") -> None:
        wechat.answers[SEND] = [OK]
        messages = SubscribeMessages(make_api(wechat.server, redis))
        messages.send(MemberMessage("o1", "t1", {"thing1": "礼卡"}, "/pages/a?id=1"))
        [asked] = wechat.calls(SEND)
        assert json.loads(asked.body) == {
            "touser": "o1",
            "template_id": "t1",
            "page": "pages/a?id=1",
            "data": {"thing1": {"value": "礼卡"}},
            "miniprogram_state": "formal",
            "lang": "zh_CN",
        }

    @pytest.mark.parametrize("result", [None, {}, {"suggest": "perhaps"}, "pass"])
    def test_a_verdict_nobody_knows_is_none(
        self, wechat: Wechat, redis: "Redis", result: Any
    ) -> None:
        wechat.answers[CHECK] = [OK | {"result": result}]
        check = WechatContentCheck(make_api(wechat.server, redis))
        with pytest.raises(ChannelUnavailable):
            check.check(text="礼卡", open_id="o1")
