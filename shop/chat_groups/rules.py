"""Pure rules of chat groups: names and keys that are taken, and how fast a group may be sent to."""

import re
from datetime import datetime, timedelta
from typing import Final

from kit.clock import business_date, business_day_bounds
from kit.errors import Malformed
from shop.chat_groups.models import ChatChannel, ChatGroup

DAILY_QUOTA: Final = 4  # unless an operator says otherwise; nobody stays in a group that shouts
MOST_NAME: Final = 80
# A robot takes 20 messages in any minute. Each message has a place in time; whoever comes late by
# up to a second, as a sweep does, does not push the places after it back. So those of a minute
# had places within 61 s, which at this distance are never 21.
ROBOT_SPACING: Final = timedelta(seconds=3.1)
LATE_BY: Final = timedelta(seconds=1)
TASK_SPACING: Final = timedelta(seconds=1)

_ROBOT_KEY: Final = re.compile(r"[0-9A-Za-z-]{8,64}")
_PLATFORM_ID: Final = re.compile(r"[0-9A-Za-z_@.-]{1,64}")


class BadChatGroup(Malformed):
    """The name, a key or an id makes no sense, or belongs to the other channel; `reason` says."""

    code = "chat_groups.bad_chat_group"
    title = "The chat group makes no sense"
    message = "群信息有误"


def check_name(name: str) -> str:
    """Return the name without blanks around it; raises `BadChatGroup`."""
    stripped = name.strip()
    if not 1 <= len(stripped) <= MOST_NAME or not stripped.isprintable():
        raise BadChatGroup(reason=f"it needs a name of up to {MOST_NAME} printable characters")
    return stripped


def name_seen(name: str) -> str:
    """Return a name as the platform shows it, made fit for a line; empty when nothing is left."""
    seen = "".join(letter for letter in name if letter.isprintable()).strip()
    return seen[:MOST_NAME].strip()


def check_way_in(
    channel: ChatChannel, *, robot_key: str | None, chat_id: str | None, sender: str | None
) -> None:
    """Raise `BadChatGroup` unless just what the channel needs is given, well-formed."""
    if channel is ChatChannel.ROBOT:
        if chat_id is not None or sender is not None:
            raise BadChatGroup(reason="a robot has neither a chat id nor a sender")
        if robot_key is None or not _ROBOT_KEY.fullmatch(robot_key):
            raise BadChatGroup(reason="a robot's key has 8 to 64 letters, digits and dashes")
        return
    if robot_key is not None:
        raise BadChatGroup(reason="a customer group has no robot")
    if not all(value and _PLATFORM_ID.fullmatch(value) for value in (chat_id, sender)):
        raise BadChatGroup(reason="a customer group has a chat id and a sender")


def check_opengid(opengid: str) -> None:
    """Raise `BadChatGroup` unless it could be an opengid."""
    if not _PLATFORM_ID.fullmatch(opengid):
        raise BadChatGroup(reason="an opengid has up to 64 letters, digits, dashes, dots and @")


def check_quota(daily_quota: int) -> None:
    """Raise `BadChatGroup` unless the quota is a number of messages a day."""
    if not 0 <= daily_quota <= 1000:
        raise BadChatGroup(reason="a group takes 0 to 1,000 messages a day")


def free_at(group: ChatGroup, *, now: datetime) -> datetime:
    """Return when the next message may go into the group: `now`, or the moment to wait for."""
    today = business_date(now)
    if group.sent_on == today and group.sent_today >= group.daily_quota:
        return business_day_bounds(today)[1]
    if group.daily_quota == 0:
        return business_day_bounds(today)[1]
    if group.next_send_at is not None and group.next_send_at > now:
        return group.next_send_at
    return now


def take_place(group: ChatGroup, *, now: datetime) -> None:
    """Count one message into the group from `now` on; the caller holds the row's lock."""
    today = business_date(now)
    group.sent_today = group.sent_today + 1 if group.sent_on == today else 1
    group.sent_on = today
    is_robot = group.channel is ChatChannel.ROBOT
    place = group.next_send_at
    is_in_time = place is not None and now - LATE_BY <= place
    group.next_send_at = (place if is_in_time and place is not None else now) + (
        ROBOT_SPACING if is_robot else TASK_SPACING
    )


def give_place_back(group: ChatGroup, *, taken_at: datetime) -> None:
    """Count a message out again that surely was not sent; the pace stays as it is."""
    if group.sent_on == business_date(taken_at) and group.sent_today > 0:
        group.sent_today -= 1
