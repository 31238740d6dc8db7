"""The platforms' verdict on texts that others will read (内容安全): each member by their own."""

from collections.abc import Mapping
from typing import Any, Final

from kit.alipay import AlipayApi, AlipayBusy, AlipayNoAnswer, AlipayRefused
from kit.wechat import WechatApi
from shop.outreach.gateway import ChannelRefused, ChannelUnavailable, RateLimited, Verdict
from shop.outreach.wechat_failures import asked

VERSION: Final = 2
SOCIAL: Final = 4  # the scene that is judged most strictly: what people say to their acquaintances
WAIT_SECONDS: Final = 60.0
DETECT: Final = "alipay.security.risk.content.detect"
BY_ACTION: Final[Mapping[object, Verdict]] = {
    "PASSED": Verdict.PASS,
    "REVIEW": Verdict.REVIEW,
    "REJECTED": Verdict.RISKY,
}


class WechatContentCheck:
    """`msg_sec_check` of WeChat; a `ContentCheck`."""

    def __init__(self, api: WechatApi) -> None:
        """Keep the client."""
        self._api = api

    def check(self, *, text: str, open_id: str) -> Verdict:
        """Have a text judged, of somebody who was in the mini-program within two hours."""
        wish = {"version": VERSION, "scene": SOCIAL, "openid": open_id, "content": text}
        try:
            answer = asked(lambda: self._api.post("/wxa/msg_sec_check", wish))
        except ChannelRefused as exc:
            # Whatever it refuses, it has not judged.
            raise ChannelUnavailable(str(exc), code=exc.code) from None
        return _verdict_in(answer)


class AlipayContentCheck:
    """`content.detect` of Alipay, which wants no member; a `ContentCheck`."""

    def __init__(self, api: AlipayApi) -> None:
        """Keep the client."""
        self._api = api

    def check(self, *, text: str, open_id: str) -> Verdict:
        """Have a text judged; `open_id` stays here."""
        try:
            answer = self._api.call(DETECT, {"content": text})
        except AlipayBusy as exc:
            raise RateLimited(str(exc), retry_after=WAIT_SECONDS, code=exc.code) from None
        except (AlipayNoAnswer, AlipayRefused) as exc:
            raise ChannelUnavailable(str(exc), code=exc.code) from None
        verdict = BY_ACTION.get(answer.get("action"))
        if verdict is None:
            raise ChannelUnavailable("no verdict in the answer")
        return verdict


def _verdict_in(answer: Mapping[str, Any]) -> Verdict:
    result = answer.get("result")
    try:
        return Verdict(str(result.get("suggest")) if isinstance(result, dict) else "")
    except ValueError:
        raise ChannelUnavailable("no verdict in the answer") from None
