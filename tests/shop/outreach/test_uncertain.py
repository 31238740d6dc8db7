"""A message of which no answer came, and what somebody saw who looked into the group."""

from datetime import timedelta
from uuid import UUID

import pytest

from kit.ids import new_id
from shop.chat_groups import queries as chat_groups
from shop.outreach.models import Push, PushStatus
from shop.outreach.queries import PushNotFound
from shop.outreach.uncertain import NothingUnknown, note_look
from tests.factories.outreach import HOUR, OutreachBench


@pytest.fixture
def unsure(bench: OutreachBench) -> Push:
    """Return a push that may be in its group or not."""
    bench.robot_group()
    campaign_id = bench.plain_campaign(starts_in=timedelta(0), lasts=6 * HOUR)
    bench.plan(campaign_id)
    bench.robots.trouble.lose_answers()
    bench.ring()
    (push,) = bench.pushes(campaign_id)
    assert (push.status, push.is_certain) == (PushStatus.SENT, False)
    return push


def look(bench: OutreachBench, push_id: UUID, *, is_there: bool) -> None:
    """Say what somebody saw."""
    with bench.begin() as session:
        note_look(session, push_id, is_there=is_there, actor="lin", now=bench.now)


class TestNoteLook:
    def test_what_is_there_was_sent(self, bench: OutreachBench, unsure: Push) -> None:
        look(bench, unsure.id, is_there=True)
        push = bench.push(unsure.id)
        assert (push.status, push.is_certain) == (PushStatus.SENT, True)
        with pytest.raises(NothingUnknown):
            look(bench, unsure.id, is_there=False)

    def test_a160_what_is_not_there_has_failed_and_is_not_sent_again(
        self, bench: OutreachBench, unsure: Push
    ) -> None:
        look(bench, unsure.id, is_there=False)
        push = bench.push(unsure.id)
        assert (push.status, push.is_certain, push.sent_at) == (PushStatus.FAILED, True, None)
        with bench.begin() as session:
            assert chat_groups.get_chat_group(session, push.chat_group_id).sent_today == 0
        posted = len(bench.robots.posted)
        bench.pass_time(HOUR, times=2)
        assert len(bench.robots.posted) == posted
        assert bench.violations() == []

    def test_what_is_known_or_not_there_at_all_is_refused(self, bench: OutreachBench) -> None:
        push = bench.told_to_owner()
        with pytest.raises(NothingUnknown):
            look(bench, push.id, is_there=True)
        with pytest.raises(PushNotFound):
            look(bench, new_id(), is_there=True)
