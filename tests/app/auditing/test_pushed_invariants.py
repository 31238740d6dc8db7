"""Every invariant of what platforms push sees what is planted to break it, and nothing else."""

from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID

import pytest

from app.auditing.pushed_invariants import PUSHED_INVARIANTS
from shop.chat_groups.listening import note_event
from shop.chat_groups.models import ChatGroup
from shop.chat_groups.told import read_event
from shop.members import avatars, jobs, service
from shop.members.avatars import ImageVerdict
from shop.members.platforms import Platform
from tests.app.auditing.test_invariants import violated
from tests.doubles.pushes import MemoryImages, group_event
from tests.factories.outreach import OutreachBench
from tests.factories.owning import owning

NOON = datetime(2024, 6, 18, 4, 0, tzinfo=UTC)
URL = "https://img.example/a.png"
PLANTED: dict[str, list[str]] = {
    "I13.steps_of_avatars_lead_here": [
        "DELETE FROM status_changes WHERE new = 'passed'",
        "UPDATE avatar_checks SET status = 'waiting' WHERE status = 'asked'",
    ],
    "I16.avatars_are_looked_at": [
        "UPDATE avatar_checks SET due_at = NULL WHERE status = 'asked'",
        "UPDATE avatar_checks SET due_at = created_at WHERE status = 'passed'",
        "UPDATE avatar_checks SET decided_at = NULL WHERE status = 'refused'",
        "UPDATE avatar_checks SET due_at = due_at - interval '3 days' WHERE status = 'asked'",
    ],
    "I29.avatars_were_looked_at": [
        "UPDATE members SET avatar_url = 'https://img.example/z.png' WHERE is_avatar_fit",
        "UPDATE members SET is_avatar_fit = true",
        "DELETE FROM avatar_checks WHERE status = 'passed'",
    ],
    "I29.chat_groups_are_as_heard": [
        "UPDATE chat_groups SET members_joined = members_joined + 1",
        "UPDATE chat_groups SET members_left = members_left + 1",
        "UPDATE chat_groups SET dismissed_at = NULL",
        "UPDATE chat_groups SET is_active = true",
        "DELETE FROM chat_group_events WHERE kind = 'joined'",
        "DELETE FROM chat_group_events WHERE kind = 'dismissed'",
    ],
}


def hear(shop: OutreachBench, group: ChatGroup, change: str, **more: object) -> None:
    """Have WeCom tell of a group."""
    text = group_event(group.chat_id or "", change, shop.now, **more)
    told = {"MsgType": "event", "Event": "change_external_chat", "ChatId": group.chat_id or ""}
    told |= {"ChangeType": change, "CreateTime": str(int(shop.now.timestamp()))}
    event = read_event(text, told | {name: str(value) for name, value in more.items()})
    assert event is not None
    with shop.begin() as session:
        assert note_event(session, event, now=shop.now)


def show(shop: OutreachBench) -> UUID:
    """Return a new member with an avatar."""
    member_id = shop.member()
    with shop.begin() as session:
        service.update_profile(session, member_id, now=shop.now, avatar_url=URL)
    return member_id


def live(shop: OutreachBench) -> None:
    """Hear of one group that goes on and of one that ends; show avatars of every fate."""
    goes_on, ends = shop.customer_group(), shop.customer_group()
    for group in (goes_on, ends):
        hear(shop, group, "update", UpdateDetail="add_member", MemChangeCnt=3)
    hear(shop, goes_on, "update", UpdateDetail="del_member", MemChangeCnt=1)
    hear(shop, ends, "dismiss")
    images = MemoryImages()
    for nth, verdict in enumerate((ImageVerdict.FIT, ImageVerdict.UNFIT, None), start=1):
        show(shop)
        jobs.check_due_avatars(shop.begin, {Platform.WECHAT: images}, now=shop.now)
        if verdict is not None:
            with shop.begin() as session:
                assert avatars.record_verdict(session, f"trace-{nth}", verdict, now=shop.now)


@pytest.fixture(scope="module")
def lively(owner_url: str) -> Iterator[OutreachBench]:
    """Return a shop in which all of that has happened."""
    with owning(owner_url) as begin:
        shop = OutreachBench(begin, NOON)
        live(shop)
        yield shop


class TestPushedInvariants:
    """PUSHED_INVARIANTS."""

    def test_find_nothing_where_all_is_well(self, lively: OutreachBench) -> None:
        """Every fate is there."""
        assert violated(lively) == set()

    @pytest.mark.parametrize(
        ("name", "sql"),
        [(name, sql) for name, sqls in PLANTED.items() for sql in sqls],
        ids=[f"{name}-{index}" for name, sqls in PLANTED.items() for index in range(len(sqls))],
    )
    def test_see_what_is_planted(self, lively: OutreachBench, name: str, sql: str) -> None:
        """Planted by the owner with every trigger off."""
        assert name in violated(lively, sql)

    def test_each_has_something_planted(self) -> None:
        """An invariant that nothing was shown to break may be none."""
        assert {invariant.name for invariant in PUSHED_INVARIANTS} == set(PLANTED)
