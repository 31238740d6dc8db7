"""Calls to WeChat's mini-program server API through wechatpy, without wechatpy's traps."""

import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

from redis import Redis
from wechatpy import WeChatClient, WeChatClientException

from kit.outbound import NotConnected, OutboundSession, Unreachable
from kit.wechat_token import IssuedToken, TokenKeeper

log = logging.getLogger(__name__)

BUSY: Final = -1
TOKEN_REFUSED: Final = frozenset({40001, 40014, 42001})
LIMITED: Final = frozenset({45009, 45011, 45029, 45033, 45047})
# Ours to repair: application id, secret, the white list of addresses, permission of the interface.
MISCONFIGURED: Final = frozenset({40013, 40125, 40164, 41002, 41004, 48001, 48002, 50002, 60020})


class WechatUnavailable(Exception):
    """No usable answer, or the platform asks for patience; trying again later may help."""


class WechatBusy(WechatUnavailable):
    """The platform is busy and did nothing: the same call may be made again at once."""


class WechatLimited(WechatUnavailable):
    """Too many calls: this one was surely not acted on. `errcode` is the platform's own."""

    def __init__(self, errcode: int) -> None:
        """Keep the platform's code."""
        super().__init__(f"errcode {errcode}")
        self.errcode = errcode


class WechatUnanswered(WechatUnavailable):
    """The call was sent and no answer of the platform came: it may have acted."""


class WechatRefused(Exception):
    """The platform refused; `errcode` is its own."""

    def __init__(self, errcode: int) -> None:
        """Keep the platform's code."""
        super().__init__(f"errcode {errcode}")
        self.errcode = errcode


class WechatApi:
    """One application at `base_url`, with the access token shared through Redis.

    wechatpy is given whole URLs only, since it glues paths to `/cgi-bin/`; its own token keeping
    (no lock, expiry known to one process) and its unbounded retry are left unused.
    """

    def __init__(
        self, *, app_id: str, app_secret: str, base_url: str, timeout_seconds: float, redis: "Redis"
    ) -> None:
        """Make the client; nothing is called yet."""
        self.app_id = app_id
        self._app_secret = app_secret
        self._base_url = base_url.rstrip("/")
        self._client = WeChatClient(app_id, app_secret, timeout=timeout_seconds, auto_retry=False)
        self._client._http = OutboundSession(timeout_seconds=timeout_seconds)
        self._keeper = TokenKeeper(redis, name=app_id, fetch=self._fetch_token)

    def get_with_secret(self, path: str, params: Mapping[str, str]) -> dict[str, Any]:
        """Make a GET that proves itself by id and secret, without any token."""
        pairs = [("appid", self.app_id), ("secret", self._app_secret), *params.items()]
        # Only a dict is given an access token by wechatpy, so pairs keep it out of the URL.
        return self._ask(lambda: self._client.get(self._base_url + path, params=pairs))

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Make a POST with the shared token; a refused token is replaced and tried once more."""
        return self._with_token(lambda token: self._post(path, body, token))

    def _with_token(self, call: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
        token = self._keeper.current()
        try:
            return call(token)
        except WechatRefused as exc:
            if exc.errcode not in TOKEN_REFUSED:
                raise
        try:
            return call(self._keeper.renew(token))
        except WechatRefused as exc:
            if exc.errcode not in TOKEN_REFUSED:
                raise
            raise WechatUnavailable(f"errcode {exc.errcode} twice") from None

    def _post(self, path: str, body: Mapping[str, Any], token: str) -> dict[str, Any]:
        return self._ask(
            lambda: self._client.post(
                self._base_url + path,
                params={"access_token": token},
                data=dict(body),
                # wechatpy names no content type; some calls read the body as a form without one.
                headers={"Content-Type": "application/json"},
            )
        )

    def _call_for_token(self) -> Any:
        """Ask for the token that is the same for everyone; never forced."""
        wish = {
            "grant_type": "client_credential",
            "appid": self.app_id,
            "secret": self._app_secret,
            "force_refresh": False,
        }
        url = f"{self._base_url}/cgi-bin/stable_token"
        headers = {"Content-Type": "application/json"}
        return self._client.post(url, params=[], data=wish, headers=headers)

    def _fetch_token(self) -> IssuedToken:
        try:
            answer = self._ask(self._call_for_token)
        except (WechatRefused, WechatUnanswered) as exc:
            # Whatever became of that call, the one that wants the token was not made.
            raise WechatUnavailable(f"no access token: {exc}") from None
        token, seconds = answer.get("access_token"), answer.get("expires_in")
        if not isinstance(token, str) or not token or not isinstance(seconds, int):
            raise WechatUnavailable("no access token in the answer")
        return IssuedToken(token, seconds)

    def _ask(self, call: Callable[[], Any]) -> dict[str, Any]:
        """Turn everything wechatpy raises into the three kinds; no URL ever gets into a message."""
        try:
            answer = call()
        except NotConnected as exc:
            raise WechatUnavailable(str(exc)) from None
        except Unreachable as exc:
            raise WechatUnanswered(str(exc)) from None
        except WeChatClientException as exc:
            raise failure_of(exc.errcode) from None
        if not isinstance(answer, dict):
            raise WechatUnanswered("not JSON")
        return answer


def failure_of(errcode: int | None) -> Exception:
    """Return the kind of failure that an errcode is; None is an answer without one."""
    if errcode is None:
        return WechatUnanswered("HTTP error")
    if errcode == BUSY:
        return WechatBusy("busy")
    if errcode in LIMITED:
        return WechatLimited(errcode)
    if errcode in MISCONFIGURED:
        log.error("wechat refuses our configuration", extra={"errcode": errcode})
        return WechatUnavailable(f"errcode {errcode}")
    return WechatRefused(errcode)
