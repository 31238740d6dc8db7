"""Robots and tasks in customer groups, by the product's clients against the real sandbox."""

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from redis import Redis

from kit.wecom import RobotWebhook
from shop.outreach.gateway import (
    ChannelError,
    ChannelRefused,
    ChannelUnavailable,
    GroupTask,
    OutcomeUnknown,
    RateLimited,
    RobotMessage,
    TaskState,
)
from shop.outreach.wecom import WecomGroupTasks, WecomRobots
from tests.contracts.channels import make_group_tasks, make_robots
from tests.doubles.http import ScriptedServer
from tests.servers import SandboxServer

MESSAGE = RobotMessage("**今晚八点开团**")


def make_group(sandbox: SandboxServer, **more: Any) -> dict[str, Any]:
    """Have an owner make a chat group."""
    return sandbox.post("wecom/groups", {"name": "团购一群", "owner": "zhang"} | more)


def arrived(sandbox: SandboxServer, chat_id: str) -> list[dict[str, Any]]:
    """Return what stands in a chat group."""
    items: list[dict[str, Any]] = sandbox.get(f"wecom/messages?chat_id={chat_id}")["items"]
    return items


class TestRobots:
    @pytest.fixture
    def robots(self, sandbox_server: SandboxServer) -> WecomRobots:
        return make_robots(sandbox_server)

    @pytest.fixture
    def group(self, sandbox_server: SandboxServer) -> dict[str, Any]:
        return make_group(sandbox_server, robot=True)

    def test_a_message_arrives(
        self, sandbox_server: SandboxServer, robots: WecomRobots, group: dict[str, Any]
    ) -> None:
        robots.send(key=group["robot_key"], message=MESSAGE)
        [message] = arrived(sandbox_server, group["chat_id"])
        assert message["content"]["markdown"] == {"content": MESSAGE.markdown}

    def test_the_twenty_first_of_a_minute_has_to_wait(
        self, sandbox_server: SandboxServer, robots: WecomRobots, group: dict[str, Any]
    ) -> None:
        for _ in range(20):
            robots.send(key=group["robot_key"], message=MESSAGE)
        with pytest.raises(RateLimited) as refusal:
            robots.send(key=group["robot_key"], message=MESSAGE)
        assert (refusal.value.retry_after, refusal.value.code) == (60, "45009")
        assert len(arrived(sandbox_server, group["chat_id"])) == 20

    @pytest.mark.parametrize(
        ("fault", "raised", "messages"),
        [
            ({"kind": "timeout_after_acting", "delay_seconds": 0}, OutcomeUnknown, 1),
            ({"kind": "drop"}, OutcomeUnknown, 0),
            ({"kind": "bad_signature"}, OutcomeUnknown, 1),
            ({"kind": "error", "code": "-1"}, ChannelUnavailable, 0),
            ({"kind": "error", "code": "45033"}, RateLimited, 0),
            ({"kind": "error", "code": "93000"}, ChannelRefused, 0),
            ({"kind": "error", "status": 502}, OutcomeUnknown, 0),
        ],
    )
    def test_what_surely_was_not_sent_is_told_from_what_may_have_been(
        self,
        sandbox_server: SandboxServer,
        robots: WecomRobots,
        group: dict[str, Any],
        fault: dict[str, Any],
        raised: type[ChannelError],
        messages: int,
    ) -> None:
        sandbox_server.post("faults", {"target": "wecom.robot", **fault})
        with pytest.raises(ChannelError) as failure:
            robots.send(key=group["robot_key"], message=MESSAGE)
        assert type(failure.value) is raised
        assert len(arrived(sandbox_server, group["chat_id"])) == messages

    def test_a_late_answer_is_none(
        self, sandbox_server: SandboxServer, group: dict[str, Any]
    ) -> None:
        fault = {"target": "wecom.robot", "kind": "delay", "delay_seconds": 0.6}
        sandbox_server.post("faults", fault)
        with pytest.raises(OutcomeUnknown):
            make_robots(sandbox_server, timeout_seconds=0.2).send(
                key=group["robot_key"], message=MESSAGE
            )

    def test_no_connection_is_surely_not_sent(self, group: dict[str, Any]) -> None:
        with ScriptedServer() as server:
            url = server.url
        gone = WecomRobots(RobotWebhook(base_url=url, timeout_seconds=1))
        with pytest.raises(ChannelUnavailable):
            gone.send(key=group["robot_key"], message=MESSAGE)

    def test_the_key_is_in_no_log_and_no_failure(
        self,
        sandbox_server: SandboxServer,
        robots: WecomRobots,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        caplog.set_level(logging.DEBUG)
        with pytest.raises(ChannelRefused) as refusal:
            robots.send(key="a-secret-key", message=MESSAGE)
        assert refusal.value.code == "93000"
        assert "a-secret-key" not in f"{refusal.value!r} {caplog.text}"


class TestGroupTasks:
    @pytest.fixture
    def tasks(self, sandbox_server: SandboxServer, redis: "Redis") -> WecomGroupTasks:
        return make_group_tasks(sandbox_server, redis)

    @pytest.fixture
    def chat_ids(self, sandbox_server: SandboxServer) -> list[str]:
        return [make_group(sandbox_server)["chat_id"] for _ in range(2)]

    def test_a_task_is_sent_when_its_owner_confirms(
        self, sandbox_server: SandboxServer, tasks: WecomGroupTasks, chat_ids: list[str]
    ) -> None:
        task = GroupTask("zhang", [*chat_ids, "wr-unknown"], "开团了")
        made = tasks.create(task)
        assert made.refused_chat_ids == ["wr-unknown"]
        waiting = tasks.results(msgid=made.msgid, sender="zhang")
        assert [(one.state, one.sent_at) for one in waiting] == [(TaskState.WAITING, None)] * 2
        make_group(sandbox_server, chat_id=chat_ids[1], owner="li")
        sandbox_server.post("wecom/confirm", {"msgid": made.msgid})
        told = {one.chat_id: one for one in tasks.results(msgid=made.msgid, sender="zhang")}
        assert told[chat_ids[0]].state is TaskState.SENT
        sent_at = told[chat_ids[0]].sent_at
        assert sent_at is not None
        assert abs(datetime.now(UTC) - sent_at) < timedelta(minutes=1)
        assert told[chat_ids[1]].state is TaskState.NOT_MEMBER
        again = tasks.create(GroupTask("zhang", chat_ids[:1], "开团了"))
        sandbox_server.post("wecom/confirm", {"msgid": again.msgid})
        [result] = tasks.results(msgid=again.msgid, sender="zhang")
        assert (result.state, result.sent_at) == (TaskState.QUOTA_USED, None)

    def test_a_page_comes_with_its_picture_which_is_lent_once(
        self, sandbox_server: SandboxServer, tasks: WecomGroupTasks, chat_ids: list[str]
    ) -> None:
        sandbox_server.post("settings", {"wecom_group_quota": "month"})
        task = GroupTask("zhang", chat_ids, "开团了", title="今晚八点", page="pages/group?id=1")
        for _ in range(2):
            sandbox_server.post("wecom/confirm", {"msgid": tasks.create(task).msgid})
        [first, second] = [item["content"] for item in arrived(sandbox_server, chat_ids[0])]
        card = first["attachments"][0]["miniprogram"]
        assert (card["title"], card["page"]) == ("今晚八点", "pages/group?id=1")
        assert second == first
        uploads = [
            item for item in sandbox_server.get("log")["items"] if item["target"] == "wecom.media"
        ]
        assert len(uploads) == 1

    def test_a_picture_that_the_platform_forgot_is_lent_again(
        self,
        sandbox_server: SandboxServer,
        tasks: WecomGroupTasks,
        chat_ids: list[str],
        redis: "Redis",
    ) -> None:
        corp_id = sandbox_server.credentials["wecom"]["corp_id"]
        redis.set(f"wechat-token:{{cover:{corp_id}}}", "forgotten", ex=1000)
        task = GroupTask("zhang", chat_ids, "开团了", title="今晚八点", page="pages/group?id=1")
        tasks.create(task)
        assert len(sandbox_server.get("wecom/tasks")["items"]) == 1

    def test_a_task_whose_answer_was_lost_is_found_again(
        self, sandbox_server: SandboxServer, tasks: WecomGroupTasks, chat_ids: list[str]
    ) -> None:
        before = datetime.now(UTC)
        sandbox_server.post(
            "faults",
            {"target": "wecom.task", "kind": "timeout_after_acting", "delay_seconds": 0},
        )
        with pytest.raises(OutcomeUnknown):
            tasks.create(GroupTask("zhang", chat_ids, "开团了"))
        tasks.create(GroupTask("zhang", chat_ids, "成团了"))
        made = tasks.list_made(since=before, until=datetime.now(UTC))
        assert [seen.text for seen in made] == ["开团了", "成团了"]
        assert tasks.sender_of(msgid=made[0].msgid) == "zhang"
        results = tasks.results(msgid=made[0].msgid, sender="zhang")
        assert [one.chat_id for one in results] == chat_ids
        yesterday = before - timedelta(days=1)
        until = before - timedelta(hours=1)
        assert tasks.list_made(since=yesterday, until=until) == []

    def test_all_pages_are_read(
        self,
        sandbox_server: SandboxServer,
        tasks: WecomGroupTasks,
        chat_ids: list[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr("shop.outreach.wecom.MOST_RESULTS", 1)
        made = tasks.create(GroupTask("zhang", chat_ids, "开团了"))
        results = tasks.results(msgid=made.msgid, sender="zhang")
        assert [one.chat_id for one in results] == chat_ids

    def test_a_task_that_was_stopped_is_never_sent(
        self, sandbox_server: SandboxServer, tasks: WecomGroupTasks, chat_ids: list[str]
    ) -> None:
        made = tasks.create(GroupTask("zhang", chat_ids, "开团了"))
        tasks.cancel(msgid=made.msgid)
        press = {"json": {"msgid": made.msgid}, "timeout": 10}
        url = f"{sandbox_server.url}/sandbox/wecom/confirm"
        assert requests.post(url, **press).status_code == 400
        with pytest.raises(ChannelRefused):
            tasks.cancel(msgid=made.msgid)
        with pytest.raises(ChannelRefused):
            tasks.remind(msgid=made.msgid)

    def test_a_stop_without_an_answer_may_be_repeated(
        self, sandbox_server: SandboxServer, tasks: WecomGroupTasks, chat_ids: list[str]
    ) -> None:
        made = tasks.create(GroupTask("zhang", chat_ids, "开团了"))
        order = {"target": "wecom.cancel", "kind": "timeout_after_acting", "delay_seconds": 0}
        sandbox_server.post("faults", order)
        with pytest.raises(ChannelUnavailable):
            tasks.cancel(msgid=made.msgid)
        [seen] = sandbox_server.get("wecom/tasks")["items"]
        assert seen["stopped_at"] is not None

    def test_an_owner_is_reminded_three_times(
        self, tasks: WecomGroupTasks, chat_ids: list[str]
    ) -> None:
        made = tasks.create(GroupTask("zhang", chat_ids, "开团了"))
        for _ in range(3):
            tasks.remind(msgid=made.msgid)
        with pytest.raises(RateLimited):
            tasks.remind(msgid=made.msgid)

    @pytest.mark.parametrize(
        ("changes", "code"),
        [
            ({"sender": "nobody"}, "40003"),
            ({"chat_ids": ["wr-unknown"]}, "41048"),
            ({"text": "团" * 1334}, "40058"),
            ({"title": "团" * 22, "page": "index"}, "40058"),
        ],
    )
    def test_a_task_that_makes_no_sense_is_refused(
        self,
        tasks: WecomGroupTasks,
        chat_ids: list[str],
        changes: dict[str, Any],
        code: str,
    ) -> None:
        wish = {"sender": "zhang", "chat_ids": chat_ids, "text": "开团了"} | changes
        with pytest.raises(ChannelRefused) as refusal:
            tasks.create(GroupTask(**wish))
        assert refusal.value.code == code

    def test_a_token_the_platform_forgot_is_replaced(
        self,
        sandbox_server: SandboxServer,
        tasks: WecomGroupTasks,
        chat_ids: list[str],
        redis: "Redis",
    ) -> None:
        corp_id = sandbox_server.credentials["wecom"]["corp_id"]
        redis.set(f"wechat-token:{{{corp_id}}}", "forgotten", ex=1000)
        tasks.create(GroupTask("zhang", chat_ids, "开团了"))
        assert redis.get(f"wechat-token:{{{corp_id}}}") != b"forgotten"

    def test_without_a_token_nothing_was_sent(
        self, sandbox_server: SandboxServer, chat_ids: list[str], redis: "Redis"
    ) -> None:
        wrong = make_group_tasks(sandbox_server, redis, corp_secret="of-somebody-else")
        with pytest.raises(ChannelUnavailable):
            wrong.create(GroupTask("zhang", chat_ids, "开团了"))
        fault = {"target": "wecom.token", "kind": "timeout_after_acting", "delay_seconds": 0}
        sandbox_server.post("faults", fault)
        with pytest.raises(ChannelUnavailable):
            make_group_tasks(sandbox_server, redis).create(GroupTask("zhang", chat_ids, "开团了"))
        assert sandbox_server.get("wecom/tasks")["items"] == []

    def test_a_question_without_an_answer_may_be_asked_again(
        self, sandbox_server: SandboxServer, tasks: WecomGroupTasks, chat_ids: list[str]
    ) -> None:
        made = tasks.create(GroupTask("zhang", chat_ids, "开团了"))
        sandbox_server.post("faults", {"target": "wecom.task_result", "kind": "drop"})
        with pytest.raises(ChannelUnavailable):
            tasks.results(msgid=made.msgid, sender="zhang")
        assert len(tasks.results(msgid=made.msgid, sender="zhang")) == 2
