"""WeChat for outreach: subscribe messages (订阅消息), one for each grant of a member."""

from typing import Final

from kit.wechat import WechatApi
from shop.outreach.gateway import ChannelRefused, MemberMessage, NoGrant
from shop.outreach.wechat_failures import told

NOT_GRANTED: Final = "43101"
SENT_TO_THE_RELEASED_APP: Final = "formal"


class SubscribeMessages:
    """Messages to members of the mini-program at WeChat; a `MemberMessages`."""

    def __init__(self, api: WechatApi) -> None:
        """Keep the client."""
        self._api = api

    @property
    def app_id(self) -> str:
        """The mini-program."""
        return self._api.app_id

    def send(self, message: MemberMessage) -> None:
        """Send; a grant is used up by it."""
        wish = {
            "touser": message.open_id,
            "template_id": message.template_id,
            "page": message.page.lstrip("/"),  # the platform names pages without it
            "data": {name: {"value": value} for name, value in message.values.items()},
            "miniprogram_state": SENT_TO_THE_RELEASED_APP,
            "lang": "zh_CN",
        }
        try:
            told(lambda: self._api.post("/cgi-bin/message/subscribe/send", wish))
        except ChannelRefused as exc:
            if exc.code == NOT_GRANTED:
                raise NoGrant(str(exc), code=exc.code) from None
            raise
