"""Texts of members that others will read: shown only when the platform has found nothing in them.

Without a verdict nothing is written, and the member is told to try again: a text that waits unseen
for a verdict would need a state of its own, and nobody buys less because a nickname waits a minute.
A verdict of "a person should look" refuses as well, for the member can reword it at once.
"""

import logging
import math

from kit.errors import Malformed, Unavailable
from shop.outreach.gateway import ChannelError, ContentCheck, RateLimited, Verdict

log = logging.getLogger(__name__)


class TextRefused(Malformed):
    """The platform found something in the text that may not be shown to others."""

    code = "outreach.text_refused"
    title = "This text cannot be shown to others"
    message = "内容含有不适合公开展示的信息，请修改后再试"


class TextNotJudged(Unavailable):
    """The platform gives no verdict; nothing was changed."""

    code = "outreach.text_not_judged"
    title = "The text cannot be checked now, try again shortly"
    message = "内容审核服务繁忙，请稍后再试"


def require_fit(check: ContentCheck, text: str, *, open_id: str) -> None:
    """Ask the platform about a text; call it between transactions.

    Raises `TextRefused`, or `TextNotJudged` when there is no verdict.
    """
    if not text.strip():
        return
    try:
        verdict = check.check(text=text, open_id=open_id)
    except RateLimited as exc:
        raise TextNotJudged(retry_after_seconds=math.ceil(exc.retry_after)) from None
    except ChannelError as exc:
        log.warning("text not judged", extra={"errcode": exc.code})
        raise TextNotJudged from None
    if verdict is not Verdict.PASS:
        raise TextRefused
