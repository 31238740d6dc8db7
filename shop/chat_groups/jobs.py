"""The sweep of chat groups: ask WeCom for the name and the owner of those that have changed."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from kit.db import Begin
from kit.sweep import Swept, is_due, lease, postpone, settle, sweep
from shop.chat_groups import listening, queries
from shop.chat_groups.directory import DirectoryUnavailable, GroupDirectory, GroupUnknown

ASK_AGAIN_AFTER: Final = timedelta(minutes=1)


def refresh_due_chat_groups(
    begin: Begin, directory: GroupDirectory | None, *, now: datetime, at_once: int = 1
) -> Swept:
    """Ask about each chat group that is due; nothing is asked while there is no company."""
    if directory is None:
        return Swept(0, 0)

    def act(chat_group_id: UUID) -> None:
        _refresh(begin, directory, chat_group_id, now=now)

    due = queries.due_to_refresh(now)
    return sweep(begin, due, act, name="refresh_due_chat_groups", at_once=at_once)


def _refresh(
    begin: Begin, directory: GroupDirectory, chat_group_id: UUID, *, now: datetime
) -> None:
    with begin() as session:
        group = queries.lock_chat_group(session, chat_group_id)
        if not is_due(group, now=now):
            return
        chat_id, attempts = group.chat_id or "", group.attempts + 1
        lease(group, now=now)
    try:
        seen, why = directory.look(chat_id=chat_id), ""
    except (DirectoryUnavailable, GroupUnknown) as exc:
        seen, why = None, str(exc) or type(exc).__name__
        is_over = isinstance(exc, GroupUnknown)
    with begin() as session:
        group = queries.lock_chat_group(session, chat_group_id)
        if group.attempts != attempts:
            return  # it has changed again meanwhile, or somebody else is asking
        if seen is not None:
            listening.see(group, seen)
            settle(group)
        elif is_over:
            settle(group)
            group.last_error = why[:200]
        else:
            # Attempts count changes as well, so they say nothing of how long WeCom is silent.
            postpone(group, why, now=now, by=ASK_AGAIN_AFTER)
