"""Hearing what WeChat pushes: opened, applied once, and acknowledged only after the commit."""

import logging
from collections.abc import Mapping

from kit.clock import Clock
from kit.db import Begin
from kit.pushed_messages import Envelope, PushedMessages, texts_of_json
from shop.members import avatars
from shop.members.wechat_images import read_verdict

log = logging.getLogger(__name__)


class NotYetKnown(Exception):
    """A verdict on a question that is not written down, or not yet."""


def receive_message(
    begin: Begin,
    messages: PushedMessages,
    *,
    app_id: str,
    query: Mapping[str, str],
    body: bytes,
    clock: Clock,
) -> None:
    """Apply a message in one transaction; returning means it is committed.

    Raises `MessageRejected`, or `NotYetKnown`, after which the platform sends it again. What is not
    about a picture is taken, and changes nothing.
    """
    now = clock()
    sealed = str(texts_of_json(body).get("Encrypt", ""))
    told = texts_of_json(messages.open(Envelope.of(query), sealed, now=now))
    found = read_verdict(told, app_id=app_id)
    if found is None:
        log.info("a message of another kind", extra={"event": str(told.get("Event", ""))[:64]})
        return
    trace_id, verdict = found
    with begin() as session:
        if avatars.record_verdict(session, trace_id, verdict, now=now) is None:
            raise NotYetKnown
