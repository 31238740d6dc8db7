"""Customer groups as WeCom shows them to the company's application."""

from collections.abc import Mapping
from typing import Any, Final

from kit.wechat import WechatRefused, WechatUnavailable
from kit.wecom import WecomApi
from shop.chat_groups.directory import DirectoryUnavailable, GroupSeen, GroupUnknown

CONTACT: Final = "/cgi-bin/externalcontact"
# An id of nothing, or of a group inside the company.
UNKNOWN: Final = frozenset({40050, 40058, 86003, 90501})


class WecomDirectory:
    """One company's customer groups; a `GroupDirectory`."""

    def __init__(self, api: WecomApi) -> None:
        """Keep the client; nothing is called yet."""
        self._api = api

    def look(self, *, chat_id: str) -> GroupSeen:
        """Ask for the group; its members are left out."""
        wish = {"chat_id": chat_id, "need_name": 0}
        found = self._ask(f"{CONTACT}/groupchat/get", wish).get("group_chat")
        if not isinstance(found, dict):
            raise DirectoryUnavailable("no group in the answer")
        return GroupSeen(name=str(found.get("name") or ""), owner=_text_in(found, "owner"))

    def chat_id_of(self, *, opengid: str) -> str:
        """Have the mini-program's id of a group turned into the company's."""
        answer = self._ask(f"{CONTACT}/opengid_to_chatid", {"opengid": opengid})
        return _text_in(answer, "chat_id")

    def _ask(self, path: str, wish: Mapping[str, Any]) -> Mapping[str, Any]:
        try:
            return self._api.post(path, wish)
        except WechatUnavailable as exc:
            raise DirectoryUnavailable(str(exc)) from None
        except WechatRefused as exc:
            if exc.errcode in UNKNOWN:
                raise GroupUnknown(str(exc)) from None
            raise DirectoryUnavailable(str(exc)) from None


def _text_in(answer: Mapping[str, Any], name: str) -> str:
    value = answer.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= 64:
        raise DirectoryUnavailable(f"no {name} in the answer")
    return value
