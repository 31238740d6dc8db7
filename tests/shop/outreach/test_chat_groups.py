"""Chat groups as operators change them: names, quotas, owners, robots, pauses."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from shop.chat_groups import queries, service
from shop.chat_groups.models import ChatGroup
from shop.chat_groups.rules import BadChatGroup
from shop.chat_groups.service import ChatGroupKnown, Retired
from shop.outreach.models import PushStatus
from tests.factories.outreach import HOUR, ROBOT_KEYS, OutreachBench

MINUTE = timedelta(minutes=1)
SAME = {"name": "三号楼", "daily_quota": 2, "sender": None, "opengid": None}


def change(
    bench: OutreachBench, group: ChatGroup, act: Callable[[Session, ChatGroup], None]
) -> ChatGroup:
    """Change a chat group under its lock, and return it."""
    with bench.begin() as session:
        found = queries.lock_chat_group(session, group.id)
        act(session, found)
        return found


class TestChange:
    def test_takes_name_quota_owner_and_opengid(self, bench: OutreachBench) -> None:
        group = bench.customer_group()
        given = {"name": " 四号楼 ", "daily_quota": 9, "sender": "zhang", "opengid": "g-1"}
        found = change(bench, group, lambda s, g: service.change_chat_group(s, g, **given))
        assert (found.name, found.daily_quota, found.sender, found.opengid) == (
            "四号楼",
            9,
            "zhang",
            "g-1",
        )

    @pytest.mark.parametrize(
        "given",
        [{"name": " "}, {"daily_quota": 1001}, {"sender": "zhang"}, {"opengid": "ä"}],
    )
    def test_refuses_what_makes_no_sense(
        self, bench: OutreachBench, given: dict[str, object]
    ) -> None:
        group = bench.robot_group()
        with pytest.raises(BadChatGroup):
            change(bench, group, lambda s, g: service.change_chat_group(s, g, **SAME | given))  # type: ignore[arg-type] # given is of mixed kinds

    def test_nothing_of_a_retired_group(self, bench: OutreachBench) -> None:
        group = bench.robot_group()
        change(bench, group, lambda s, g: service.retire(s, g.id))
        for act in (
            lambda s, g: service.change_chat_group(s, g, **SAME),
            lambda s, g: service.replace_robot_key(s, ROBOT_KEYS, g, "another-key"),
            lambda s, g: service.pause(s, g.id, now=bench.now),
            lambda s, g: service.resume(s, g.id),
        ):
            with pytest.raises(Retired):
                change(bench, group, act)


class TestRobot:
    def test_another_robot_posts_from_now_on(self, bench: OutreachBench) -> None:
        group, other = bench.robot_group(), bench.robot_group()
        for key, refusal in (("short", BadChatGroup), (other.name, ChatGroupKnown)):
            with pytest.raises(refusal):
                change(
                    bench, group, lambda s, g, k=key: service.replace_robot_key(s, ROBOT_KEYS, g, k)
                )
        for key in ("another-key", "another-key"):
            change(bench, group, lambda s, g, k=key: service.replace_robot_key(s, ROBOT_KEYS, g, k))
        campaign_id = bench.plain_campaign()
        bench.plan(campaign_id, only=[group.id])
        bench.pass_time(HOUR)
        assert len(bench.robots.texts("another-key")) == 1
        with pytest.raises(BadChatGroup):
            change(
                bench,
                bench.customer_group(),
                lambda s, g: service.replace_robot_key(s, ROBOT_KEYS, g, "one-more-key"),
            )


class TestPause:
    def test_what_is_due_waits_until_it_is_resumed(self, bench: OutreachBench) -> None:
        group = bench.robot_group()
        campaign_id = bench.plain_campaign(lasts=6 * HOUR)
        bench.plan(campaign_id)
        paused = change(bench, group, lambda s, g: service.pause(s, g.id, now=bench.now))
        bench.pass_time(HOUR, times=2)
        assert bench.standing(campaign_id) == [PushStatus.PLANNED]
        assert bench.pushes(campaign_id)[0].last_error == "the chat group is paused"
        again = change(bench, group, lambda s, g: service.pause(s, g.id, now=bench.now))
        assert again.paused_at == paused.paused_at
        change(bench, group, lambda s, g: service.resume(s, g.id))
        bench.pass_time(3 * MINUTE)
        assert bench.standing(campaign_id) == [PushStatus.SENT]

    def test_what_becomes_wrong_meanwhile_is_skipped(self, bench: OutreachBench) -> None:
        group = bench.robot_group()
        campaign_id = bench.plain_campaign()
        bench.plan(campaign_id)
        change(bench, group, lambda s, g: service.pause(s, g.id, now=bench.now))
        bench.pass_time(HOUR)
        bench.pass_time(2 * HOUR)
        assert bench.standing(campaign_id) == [PushStatus.SKIPPED]
        assert bench.robots.posted == []
