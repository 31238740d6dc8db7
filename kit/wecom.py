"""Calls to WeCom (企业微信): a company's interface with its token, and robots of chat groups."""

from collections.abc import Mapping
from typing import Any

from redis import Redis

from kit.outbound import NotConnected, OutboundSession, Unreachable
from kit.wechat import WechatApi, WechatUnanswered, WechatUnavailable, failure_of


class WecomApi(WechatApi):
    """One company at `base_url`; its failures are those of WeChat, whose codes it shares.

    Only the token differs: WeCom gives everybody the same one anyway, so none is ever forced.
    """

    def __init__(
        self,
        *,
        corp_id: str,
        corp_secret: str,
        base_url: str,
        timeout_seconds: float,
        redis: "Redis",
    ) -> None:
        """Make the client; nothing is called yet."""
        super().__init__(
            app_id=corp_id,
            app_secret=corp_secret,
            base_url=base_url,
            timeout_seconds=timeout_seconds,
            redis=redis,
        )

    def upload_image(self, content: bytes) -> dict[str, Any]:
        """Lend the platform a picture, which it keeps for three days."""

        def send(token: str) -> dict[str, Any]:
            url = f"{self._base_url}/cgi-bin/media/upload"
            params = {"access_token": token, "type": "image"}
            files = {"media": ("cover.png", content, "image/png")}
            return self._ask(lambda: self._client.post(url, params=params, files=files))

        return self._with_token(send)

    def _call_for_token(self) -> Any:
        pairs = [("corpid", self.app_id), ("corpsecret", self._app_secret)]
        # Only a dict is given an access token by wechatpy, so pairs keep it out of the URL.
        return self._client.get(f"{self._base_url}/cgi-bin/gettoken", params=pairs)


class RobotWebhook:
    """The address at which robots post into their groups; a robot's key is all that it asks for."""

    def __init__(self, *, base_url: str, timeout_seconds: float) -> None:
        """Keep the address; wechatpy would put an access token into its URL."""
        self._url = base_url.rstrip("/") + "/cgi-bin/webhook/send"
        self._session = OutboundSession(timeout_seconds=timeout_seconds)

    def post(self, *, key: str, message: Mapping[str, Any]) -> None:
        """Post a message; the failures are those of `kit.wechat`, and none names the key."""
        try:
            response = self._session.post(self._url, params={"key": key}, json=message)
        except NotConnected as exc:
            raise WechatUnavailable(str(exc)) from None
        except Unreachable as exc:
            raise WechatUnanswered(str(exc)) from None
        errcode = None
        if response.status_code == 200:
            try:
                answer = response.json()
            except ValueError:
                answer = None
            errcode = answer.get("errcode") if isinstance(answer, dict) else None
        if errcode != 0:
            raise failure_of(errcode if isinstance(errcode, int) else None)
