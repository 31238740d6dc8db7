"""Alipay for invites: codes of its mini-program, whose pictures are fetched from it."""

from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from kit.alipay import AlipayApi, AlipayBusy, AlipayNoAnswer, AlipayRefused
from kit.outbound import OutboundSession, Unreachable
from shop.posters.drawing import picture_of_code
from shop.posters.makers import Made, MakerRefused, MakerSilent

METHOD: Final = "alipay.open.app.qrcode.create"
DESCRIPTION: Final = "团卡邀请"
HOSTS: Final = (".alipay.com", ".alipayobjects.com")
MOST_BYTES: Final = 2 * 1024 * 1024


class AlipayCodes:
    """Mini-program codes; a `CodeMaker`."""

    def __init__(self, api: AlipayApi, *, page: str, timeout_seconds: float) -> None:
        """Keep the client and the page that invites lead to."""
        self._api = api
        self._page = page
        self._files = OutboundSession(timeout_seconds=timeout_seconds, most_bytes=MOST_BYTES)

    def make(self, *, invite_code: str, now: datetime) -> Made:
        """Return the picture of a code that starts the mini-program with the invite's code."""
        wish = {
            "url_param": self._page,
            "query_param": f"scene={invite_code}",
            "describe": DESCRIPTION,
        }
        try:
            told = self._api.call(METHOD, wish)
            answer = self._files.get(self._trusted(str(told.get("qr_code_url", ""))))
        except (AlipayNoAnswer, AlipayBusy) as exc:
            raise MakerSilent(exc.code or "no answer") from None
        except AlipayRefused as exc:
            raise MakerRefused(exc.code) from None
        except Unreachable as exc:
            raise MakerSilent(str(exc)) from None
        if answer.status_code != 200:
            raise MakerSilent(f"HTTP {answer.status_code}")
        try:
            return Made(picture=picture_of_code(answer.content))
        except ValueError as exc:
            raise MakerSilent(str(exc)) from None

    def _trusted(self, url: str) -> str:
        """Return the address if it is the gateway's or Alipay's own, the latter by TLS."""
        if url.startswith(self._api.origin):
            return url
        try:
            parts = urlsplit(url)
        except ValueError:
            raise MakerSilent("no address in the answer") from None
        if parts.scheme in ("http", "https") and (parts.hostname or "").endswith(HOSTS):
            return parts._replace(scheme="https").geturl()
        raise MakerSilent("the picture lies elsewhere")
