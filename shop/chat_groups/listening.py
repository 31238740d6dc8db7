"""Hearing what WeCom pushes: opened, applied once, and acknowledged only after the commit."""

import logging
from collections.abc import Mapping

from kit.clock import Clock
from kit.db import Begin
from kit.pushed_messages import Envelope, PushedMessages, texts_of_xml
from shop.chat_groups import service
from shop.chat_groups.told import read_event

log = logging.getLogger(__name__)


def answer_challenge(messages: PushedMessages, query: Mapping[str, str], *, clock: Clock) -> str:
    """Return what WeCom wants to read when the address is saved; raises `MessageRejected`."""
    return messages.open(Envelope.of(query), query.get("echostr", ""), now=clock())


def receive_message(
    begin: Begin, messages: PushedMessages, *, query: Mapping[str, str], body: bytes, clock: Clock
) -> None:
    """Apply a message in one transaction; returning means it is committed.

    Raises `MessageRejected`. What is not about a customer group is taken, and changes nothing.
    """
    now = clock()
    content = messages.open(Envelope.of(query), texts_of_xml(body).get("Encrypt", ""), now=now)
    texts = texts_of_xml(content)
    event = read_event(content, texts)
    if event is None:
        log.info("a message of another kind", extra={"event": texts.get("Event", "")[:64]})
        return
    with begin() as session:
        service.note_event(session, event, now=now)
