"""What WeCom pushes about customer groups: applied once, asked about where that says little."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from kit.db import Begin
from kit.pushed_messages import MessageRejected
from shop.chat_groups import jobs
from shop.chat_groups.directory import GroupSeen
from shop.chat_groups.listening import answer_challenge, receive_message
from shop.chat_groups.models import ChatChannel, ChatEventKind, ChatGroup, ChatGroupEvent
from shop.outreach.models import PushStatus
from tests.doubles.pushes import CORP_ID, MemoryDirectory, address, group_event, messages
from tests.factories.groups import LONG_AGO
from tests.factories.outreach import HOUR, OutreachBench, at_noon

K = ChatEventKind


@pytest.fixture
def bench(begin: Begin) -> OutreachBench:
    return OutreachBench(begin, at_noon(LONG_AGO))


@pytest.fixture
def directory() -> MemoryDirectory:
    return MemoryDirectory()


def push(bench: OutreachBench, text: str, *, receiver: str = CORP_ID) -> None:
    """Have WeCom bring a text."""
    outside = address(receiver)
    sealed = outside.sealed(text)
    receive_message(
        bench.begin,
        messages(CORP_ID),
        query=outside.query(sealed, bench.now),
        body=f"<xml><Encrypt><![CDATA[{sealed}]]></Encrypt></xml>".encode(),
        clock=lambda: bench.now,
    )


def tell(bench: OutreachBench, group: ChatGroup, change: str, **more: object) -> None:
    push(bench, group_event(group.chat_id or "", change, bench.now, **more))


def seen(bench: OutreachBench, group: ChatGroup) -> ChatGroup:
    with bench.begin() as session:
        return session.get_one(ChatGroup, group.id, populate_existing=True)


def kept(bench: OutreachBench) -> list[ChatGroupEvent]:
    with bench.begin() as session:
        return list(session.scalars(select(ChatGroupEvent).order_by(ChatGroupEvent.id)))


class TestReceiveMessage:
    def test_members_are_counted_and_not_named(self, bench: OutreachBench) -> None:
        group = bench.customer_group()
        joined = {"UpdateDetail": "add_member", "MemChangeCnt": 3, "MemChangeList": "wmBob"}
        tell(bench, group, "update", CurMemVer="a", **joined)
        tell(bench, group, "update", CurMemVer="b", UpdateDetail="del_member", MemChangeCnt=1)
        found = seen(bench, group)
        assert (found.members_joined, found.members_left) == (3, 1)
        assert [(event.kind, event.members) for event in kept(bench)] == [
            (K.JOINED, 3),
            (K.LEFT, 1),
        ]
        assert all(event.chat_group_id == group.id for event in kept(bench))

    def test_a07_a_repeat_is_taken_and_changes_nothing(self, bench: OutreachBench) -> None:
        group = bench.customer_group()
        text = group_event(
            group.chat_id or "", "update", bench.now, UpdateDetail="add_member", MemChangeCnt=2
        )
        for _ in range(3):
            push(bench, text)
            bench.now += timedelta(seconds=5)
        assert (seen(bench, group).members_joined, len(kept(bench))) == (2, 1)

    def test_two_events_of_one_second_are_two(self, bench: OutreachBench) -> None:
        group = bench.customer_group()
        for version in ("a", "b"):
            more = {"UpdateDetail": "add_member", "MemChangeCnt": 1, "CurMemVer": version}
            tell(bench, group, "update", **more)
        assert seen(bench, group).members_joined == 2

    def test_a_dismissed_group_gets_nothing_more(self, bench: OutreachBench) -> None:
        group = bench.customer_group()
        campaign_id = bench.plain_campaign(starts_in=HOUR, lasts=2 * HOUR)
        bench.plan(campaign_id, channel=ChatChannel.CUSTOMER_GROUP)
        tell(bench, group, "dismiss")
        found = seen(bench, group)
        assert (found.is_active, found.dismissed_at) == (False, bench.now)
        bench.pass_time(HOUR)
        assert bench.standing(campaign_id) == [PushStatus.SKIPPED]
        assert bench.tasks.made == {}

    def test_a_group_of_nobodys_is_written_down(self, bench: OutreachBench) -> None:
        push(bench, group_event("wrUnknown", "create", bench.now))
        (event,) = kept(bench)
        assert (event.kind, event.chat_id, event.chat_group_id) == (K.CREATED, "wrUnknown", None)

    def test_what_is_no_group_is_taken(self, bench: OutreachBench) -> None:
        group = bench.customer_group()
        push(bench, "<xml><MsgType>event</MsgType><Event>change_contact</Event></xml>")
        tell(bench, group, "update", UpdateDetail="change_notice")
        assert [event.kind for event in kept(bench)] == [K.OTHER]

    @pytest.mark.parametrize(
        ("true", "odd"),
        [
            ("<MemChangeCnt>1<", "<MemChangeCnt>many<"),
            ("<MemChangeCnt>1<", "<MemChangeCnt>1000001<"),
            ("<MemChangeCnt>1</MemChangeCnt>", ""),
            ("[wr1]", f"[{'x' * 65}]"),
            ("[wr1]", "[a b]"),
            ("<CreateTime>", "<CreateTime>soon"),
        ],
    )
    def test_odd_ones_are_refused(self, bench: OutreachBench, true: str, odd: str) -> None:
        more = {"UpdateDetail": "add_member", "MemChangeCnt": 1}
        text = group_event("wr1", "update", bench.now, **more)
        assert true in text
        with pytest.raises(MessageRejected, match="malformed"):
            push(bench, text.replace(true, odd))
        assert kept(bench) == []

    def test_a15_another_companys_are_refused(self, bench: OutreachBench) -> None:
        with pytest.raises(MessageRejected, match="foreign_receiver"):
            push(bench, group_event("wr1", "create", bench.now), receiver="ww0000000000000000")
        assert kept(bench) == []

    def test_the_challenge_is_answered_in_plain(self, bench: OutreachBench) -> None:
        outside = address(CORP_ID)
        sealed = outside.sealed("7391824650193827")
        query = outside.query(sealed, bench.now) | {"echostr": sealed}
        told = answer_challenge(messages(CORP_ID), query, clock=lambda: bench.now)
        assert told == "7391824650193827"


class TestRefresh:
    """An event says that name or owner changed, not to what."""

    def refresh(self, bench: OutreachBench, directory: MemoryDirectory) -> None:
        swept = jobs.refresh_due_chat_groups(bench.begin, directory, now=bench.now)
        assert swept.failed == 0

    def test_name_and_owner_are_asked_for(
        self, bench: OutreachBench, directory: MemoryDirectory
    ) -> None:
        group = bench.customer_group()
        self.refresh(bench, directory)
        assert directory.asked == []
        directory.groups[group.chat_id or ""] = GroupSeen(name=" 新\u202e群 ", owner="li")
        tell(bench, group, "update", UpdateDetail="change_name")
        self.refresh(bench, directory)
        self.refresh(bench, directory)
        found = seen(bench, group)
        assert (found.name, found.sender, found.due_at) == ("新群", "li", None)
        assert directory.asked == [group.chat_id]

    def test_a_group_without_a_name_keeps_ours(
        self, bench: OutreachBench, directory: MemoryDirectory
    ) -> None:
        group = bench.customer_group(name="团长的群")
        directory.groups[group.chat_id or ""] = GroupSeen(name="", owner="li")
        tell(bench, group, "update", UpdateDetail="change_owner")
        self.refresh(bench, directory)
        assert (seen(bench, group).name, seen(bench, group).sender) == ("团长的群", "li")

    def test_silence_is_waited_out(self, bench: OutreachBench, directory: MemoryDirectory) -> None:
        group = bench.customer_group()
        directory.groups[group.chat_id or ""] = GroupSeen(name="新群", owner="li")
        tell(bench, group, "update", UpdateDetail="change_owner")
        directory.is_silent = True
        for _ in range(30):
            self.refresh(bench, directory)
            bench.now += timedelta(seconds=10)
        assert len(directory.asked) == 5
        directory.is_silent = False
        bench.now += timedelta(minutes=1)
        self.refresh(bench, directory)
        assert seen(bench, group).sender == "li"

    def test_what_is_not_shown_is_not_asked_for_again(
        self, bench: OutreachBench, directory: MemoryDirectory
    ) -> None:
        group = bench.customer_group()
        tell(bench, group, "update", UpdateDetail="change_owner")
        self.refresh(bench, directory)
        found = seen(bench, group)
        assert (found.due_at, found.last_error, found.is_active) == (None, "errcode 86003", True)

    def test_a_change_while_it_is_asked_is_asked_again(
        self, bench: OutreachBench, directory: MemoryDirectory
    ) -> None:
        group = bench.customer_group()

        class Changing(MemoryDirectory):
            def look(self, *, chat_id: str) -> GroupSeen:
                found = super().look(chat_id=chat_id)
                tell(bench, group, "update", UpdateDetail="change_owner", CurMemVer="2")
                self.groups[chat_id] = GroupSeen(name="新群", owner="wang")
                return found

        changing = Changing({group.chat_id or "": GroupSeen(name="新群", owner="li")})
        tell(bench, group, "update", UpdateDetail="change_owner", CurMemVer="1")
        self.refresh(bench, changing)
        assert seen(bench, group).due_at == bench.now
        directory.groups = changing.groups
        self.refresh(bench, directory)
        assert seen(bench, group).sender == "wang"

    def test_a_task_is_asked_about_under_its_own_owner(self, bench: OutreachBench) -> None:
        """The new owner does not see what waits for the old one."""
        push_ = bench.told_to_owner()
        with bench.begin() as session:
            session.get_one(ChatGroup, push_.chat_group_id).sender = "li"
        bench.tasks.confirm(push_.msgid or "")
        bench.pass_time(timedelta(minutes=3))
        assert bench.push(push_.id).status is PushStatus.CONFIRMED
