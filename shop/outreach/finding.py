"""A push in somebody's hands, and finding a task again of which no answer came."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from kit.sweep import LEASE
from shop.chat_groups.models import ChatGroup
from shop.outreach.gateway import (
    ChannelError,
    ChannelUnavailable,
    GroupTasks,
    OutcomeUnknown,
)
from shop.outreach.rules import LOOK_AFTER

CLOCKS_DIFFER: Final = timedelta(minutes=5)  # between the platform and us, at most


@dataclass(frozen=True, slots=True)
class Taken:
    """A push that is ours alone for one call, with all that the call needs."""

    push_id: UUID
    group: ChatGroup
    sender: str  # who owned a customer group when it was first handed over
    text: str
    title: str
    page: str
    handed_at: datetime
    first_handed_at: datetime
    is_lost: bool  # it was handed over before, and no outcome was booked
    robot_key: str = field(default="", repr=False)  # a robot's; opens the door to its group
    others: frozenset[str] = frozenset()  # tasks that are known already, stopped ones among them


def window_of(first: datetime, last: datetime) -> tuple[datetime, datetime]:
    """Return between which moments tasks were made by calls that began between these two."""
    return first - CLOCKS_DIFFER, last + LEASE + CLOCKS_DIFFER


def look_for(tasks: GroupTasks, taken: Taken, *, now: datetime) -> str:
    """Return the task that was made before its answer was lost; or `ChannelUnavailable`.

    Only tasks of this push have its link, and those that are known are left alone.
    """
    if now < taken.handed_at + LOOK_AFTER:
        raise OutcomeUnknown("too soon to look")
    since, until = window_of(taken.first_handed_at, taken.handed_at)
    try:
        for seen in tasks.list_made(since=since, until=until):
            is_candidate = seen.text == taken.text and seen.msgid not in taken.others
            # A company makes thousands, and each costs a call to learn its sender.
            if is_candidate and tasks.sender_of(msgid=seen.msgid) == taken.sender:
                return seen.msgid
    except ChannelError as failure:
        # That we could not look says nothing of whether it was made.
        raise OutcomeUnknown(str(failure), code=failure.code) from failure
    raise ChannelUnavailable("it was never made")
