"""The sweeps of outreach: watch for edges, send pushes, ask about tasks, bring messages."""

from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import select

from kit.db import Begin
from kit.sweep import Swept, sweep
from shop.outreach import planning, queries, twins
from shop.outreach.confirming import ask_about_push
from shop.outreach.gateway import ChannelError, GroupTasks
from shop.outreach.inbox.delivering import Platforms, deliver, due_deliveries
from shop.outreach.models import Push
from shop.outreach.sending import Post, send_push

MOST_TWINS: Final = 500  # the records have as many pages for one as for all of an edge


def plan_due_pushes(begin: Begin, *, now: datetime) -> Swept:
    """Make the pushes of edges that no clock brings: nearly everything of a campaign is sold."""

    def act(plan_id: UUID) -> None:
        with begin() as session:
            planning.watch(session, plan_id, now=now)

    return sweep(begin, queries.due_plans(now), act, name="plan_due_pushes")


def send_due_pushes(begin: Begin, post: Post, *, now: datetime, at_once: int = 1) -> Swept:
    """Send messages into chat groups, each at its group's pace."""

    def act(push_id: UUID) -> None:
        send_push(begin, post, push_id, now=now)

    return sweep(begin, queries.next_to_send(now), act, name="send_due_pushes", at_once=at_once)


def ask_about_due_tasks(
    begin: Begin, tasks: GroupTasks | None, *, now: datetime, at_once: int = 1
) -> Swept:
    """Ask whether owners have confirmed; nothing is asked while the channel is off."""
    if tasks is None:
        return Swept(0, 0)

    def act(push_id: UUID) -> None:
        ask_about_push(begin, tasks, push_id, now=now)

    return sweep(begin, queries.due_to_ask(now), act, name="ask_about_due_tasks", at_once=at_once)


def stop_due_twins(
    begin: Begin, tasks: GroupTasks | None, *, now: datetime, at_once: int = 1
) -> Swept:
    """Stop tasks that the platform took twice; its records are read once for all that are due."""
    with begin() as session:
        # Chosen before the records are read: who is booked later is looked for in later ones.
        rows = queries.list_handed(session, queries.due_twins(now).limit(MOST_TWINS))
    if tasks is None or not rows:
        return Swept(0, 0)
    handed = twins.choose(rows)
    chosen = select(Push.id).where(Push.id.in_(handed.push_ids))
    try:
        made = twins.list_texts(tasks, handed)
    except ChannelError as exc:
        failure = exc

        def act(push_id: UUID) -> None:
            twins.put_off(begin, push_id, failure, now=now)
    else:

        def act(push_id: UUID) -> None:
            twins.stop_twins(begin, tasks, push_id, made, now=now)

    return sweep(begin, chosen, act, name="stop_due_twins", at_once=at_once, most=MOST_TWINS)


def deliver_due_messages(
    begin: Begin, platforms: Platforms, *, now: datetime, at_once: int = 1
) -> Swept:
    """Bring inbox messages to the platforms that take them."""

    def act(delivery_id: UUID) -> None:
        deliver(begin, platforms, delivery_id, now=now)

    return sweep(begin, due_deliveries(now), act, name="deliver_due_messages", at_once=at_once)
