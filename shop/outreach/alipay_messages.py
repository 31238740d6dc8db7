"""Alipay for outreach: messages of the mini-program to members who subscribed to a template."""

import json
from typing import Final

from kit.alipay import AlipayApi, AlipayBusy, AlipayNoAnswer, AlipayNotSent, AlipayRefused
from shop.outreach.gateway import (
    ChannelError,
    ChannelRefused,
    ChannelUnavailable,
    MemberMessage,
    NoGrant,
    OutcomeUnknown,
    RateLimited,
)

METHOD: Final = "alipay.open.app.mini.templatemessage.send"
NOT_GRANTED: Final = frozenset({"MSG_UNSUBSCRIBED", "MSG_REJECTED", "MSG_SINGLE_SD_OVER"})
WAIT_SECONDS: Final = 60.0


class AlipayMessages:
    """Messages to members of the mini-program at Alipay; a `MemberMessages`."""

    def __init__(self, api: AlipayApi) -> None:
        """Keep the client."""
        self._api = api

    @property
    def app_id(self) -> str:
        """The mini-program."""
        return self._api.app_id

    def send(self, message: MemberMessage) -> None:
        """Send; a subscription for one message is used up by it."""
        data = {name: {"value": value} for name, value in message.values.items()}
        content = {
            "to_open_id": message.open_id,
            "user_template_id": message.template_id,
            "page": message.page.lstrip("/"),
            "data": json.dumps(data, ensure_ascii=False),  # a text within the text
        }
        try:
            self._api.call(METHOD, content)
        except (AlipayNoAnswer, AlipayRefused) as exc:
            raise _failure(exc) from None


def _failure(exc: AlipayNoAnswer | AlipayRefused) -> ChannelError:
    if isinstance(exc, AlipayNotSent):
        return ChannelUnavailable(str(exc), code=exc.code)
    if isinstance(exc, AlipayNoAnswer):
        return OutcomeUnknown(str(exc), code=exc.code)
    if isinstance(exc, AlipayBusy):
        return RateLimited(str(exc), retry_after=WAIT_SECONDS, code=exc.code)
    if exc.code in NOT_GRANTED:
        return NoGrant(str(exc), code=exc.code)
    return ChannelRefused(str(exc), code=exc.code)
