"""Tasks that the platform took twice: all but one are stopped, whichever the owner sent first."""

from datetime import timedelta

import pytest

from shop.chat_groups.models import ChatChannel
from shop.outreach import jobs
from shop.outreach.models import Push, PushEdge, PushStatus
from tests.factories.outreach import HOUR, OutreachBench

MOMENT = timedelta(seconds=11)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def twice(bench: OutreachBench) -> Push:
    """Return a push of which the platform made two tasks, msg1 and msg2; the second is booked."""
    bench.tasks.takes = 2
    push = bench.told_to_owner()
    bench.tasks.takes = 1
    assert bench.push(push.id).msgid == "msg2"
    return push


def stopped(bench: OutreachBench) -> list[str]:
    """Return which tasks were stopped."""
    return [msgid for msgid, task in bench.tasks.made.items() if task.is_stopped]


class TestStopDueTwins:
    def test_all_but_the_booked_one_are_stopped_at_once(
        self, bench: OutreachBench, twice: Push
    ) -> None:
        bench.pass_time(MOMENT)
        assert stopped(bench) == ["msg1"]
        assert bench.push(twice.id).twin_msgids == ["msg1"]
        bench.tasks.confirm("msg2")
        bench.pass_time(MINUTE, times=3)
        assert bench.push(twice.id).status is PushStatus.CONFIRMED

    def test_the_one_that_the_owner_sent_takes_the_place_of_ours(
        self, bench: OutreachBench, twice: Push
    ) -> None:
        bench.tasks.confirm("msg1")
        bench.pass_time(MOMENT)
        found = bench.push(twice.id)
        assert (found.msgid, found.twin_msgids) == ("msg1", ["msg2"])
        assert found.status is PushStatus.CONFIRMED
        assert "msg2" in stopped(bench)

    def test_what_was_sent_twice_cannot_be_called_back(
        self, bench: OutreachBench, twice: Push, caplog: pytest.LogCaptureFixture
    ) -> None:
        for msgid in ("msg1", "msg2"):
            bench.tasks.confirm(msgid)
        bench.pass_time(MOMENT)
        assert bench.push(twice.id).msgid == "msg2"
        assert "has a push twice" in caplog.text

    def test_one_that_appears_late_is_stopped_before_the_owner_is_reminded(
        self, bench: OutreachBench
    ) -> None:
        push = bench.told_to_owner()
        bench.pass_time(MOMENT)
        bench.tasks.create(bench.tasks.made["msg1"].task)
        bench.pass_time(MINUTE, times=11)
        assert stopped(bench) == ["msg2"]
        found = bench.push(push.id)
        assert (found.msgid, found.twins_due_at) == ("msg1", None)

    def test_the_task_of_another_edge_is_no_twin(self, bench: OutreachBench) -> None:
        bench.customer_group()
        campaign_id = bench.plain_campaign(starts_in=timedelta(0), lasts=HOUR)
        for edge in (PushEdge.OPEN, PushEdge.LAST_CALL):
            bench.plan(campaign_id, edge, ChatChannel.CUSTOMER_GROUP, lead=HOUR)
        bench.pass_time(MOMENT, times=70)
        texts = {push.text for push in bench.pushes(campaign_id)}
        assert len(texts) == 2, "each push has a link of its own"
        assert len(bench.tasks.made) == 2
        assert stopped(bench) == []

    def test_a_task_whose_answer_was_lost_is_not_taken_for_a_twin(
        self, bench: OutreachBench
    ) -> None:
        bench.customer_group()
        campaign_id = bench.plain_campaign(starts_in=timedelta(0), lasts=HOUR)
        bench.plan(campaign_id, PushEdge.OPEN, ChatChannel.CUSTOMER_GROUP)
        bench.ring()
        bench.tasks.trouble.lose_answers()
        bench.plan(campaign_id, PushEdge.LAST_CALL, ChatChannel.CUSTOMER_GROUP, lead=HOUR)
        bench.pass_time(MINUTE, times=10)
        assert {push.msgid for push in bench.pushes(campaign_id)} == {"msg1", "msg2"}
        assert stopped(bench) == []

    def test_a_stopped_twin_is_never_found_in_place_of_a_lost_task(
        self, bench: OutreachBench, twice: Push
    ) -> None:
        bench.pass_time(MOMENT)
        bench.tasks.trouble.lose_answers()
        bench.plan(twice.campaign_id, PushEdge.LAST_CALL, ChatChannel.CUSTOMER_GROUP, lead=6 * HOUR)
        bench.pass_time(MINUTE, times=10)
        assert {push.msgid for push in bench.pushes(twice.campaign_id)} == {"msg2", "msg3"}

    def test_an_outage_delays_and_loses_nothing(self, bench: OutreachBench, twice: Push) -> None:
        bench.tasks.trouble.is_out = True
        bench.pass_time(MOMENT, times=3)
        assert stopped(bench) == []
        bench.tasks.trouble.is_out = False
        bench.pass_time(MOMENT)
        assert stopped(bench) == ["msg1"]
        assert bench.failed == 0

    def test_a_stop_whose_answer_was_lost_is_repeated(
        self, bench: OutreachBench, twice: Push
    ) -> None:
        bench.now += MOMENT
        bench.tasks.trouble.lose_answers()
        jobs.stop_due_twins(bench.begin, bench.tasks, now=bench.now)
        assert stopped(bench) == ["msg1"]
        bench.pass_time(MINUTE)
        found = bench.push(twice.id)
        assert (found.twin_msgids, found.msgid) == (["msg1"], "msg2")
        assert found.handed_at is not None
        assert found.twins_due_at == found.handed_at + 10 * MINUTE

    def test_nothing_is_asked_while_the_channel_is_off(
        self, bench: OutreachBench, twice: Push
    ) -> None:
        bench.now += MOMENT
        assert jobs.stop_due_twins(bench.begin, None, now=bench.now).done == 0
        assert bench.push(twice.id).twins_due_at is not None

    def test_the_records_are_read_once_for_all(self, bench: OutreachBench) -> None:
        for _ in range(5):
            bench.customer_group()
        campaign_id = bench.plain_campaign(starts_in=timedelta(0), lasts=HOUR)
        bench.plan(campaign_id, channel=ChatChannel.CUSTOMER_GROUP)
        bench.ring()
        bench.now += MOMENT
        jobs.stop_due_twins(bench.begin, bench.tasks, now=bench.now)
        assert bench.tasks.listed == 1
