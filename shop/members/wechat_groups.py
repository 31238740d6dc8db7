"""Which chat group somebody came from, as WeChat seals it for our server alone."""

import base64
import json
from datetime import datetime
from typing import Any, Final

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from kit.wechat import WechatApi
from shop.members.platforms import CodeRefused, GroupEntry, PlatformUnavailable
from shop.members.wechat_codes import check_watermark, exchange_code

KEY_BYTES: Final = 16
BLOCK_BITS: Final = 128


class WechatGroupDoor:
    """Opens what `wx.getGroupEnterInfo` gave; a `GroupDoor`.

    The session key comes for a fresh code, and is dropped when the text is open: so each text opens
    once, and no key of anybody's lies anywhere.
    """

    def __init__(self, api: WechatApi) -> None:
        """Keep the client."""
        self._api = api

    def open(self, *, code: str, sealed: str, iv: str, now: datetime) -> GroupEntry:
        """Exchange the code, decrypt, and bind what is said to our mini-program and this moment."""
        answer = exchange_code(self._api, code)
        open_id, key = str(answer.get("openid") or ""), str(answer.get("session_key") or "")
        if not open_id or not key:
            raise PlatformUnavailable("no session in the answer")
        told = _opened(sealed, key=key, iv=iv)
        check_watermark(told.get("watermark"), app_id=self._api.app_id, now=now)
        opengid = told.get("opengid") or told.get("openGId")
        if not isinstance(opengid, str) or not 0 < len(opengid) <= 64:
            raise CodeRefused("no chat group")
        return GroupEntry(open_id=open_id, opengid=opengid)


def _opened(sealed: str, *, key: str, iv: str) -> dict[str, Any]:
    try:
        raw_key, raw_iv = (base64.b64decode(text, validate=True) for text in (key, iv))
        if (len(raw_key), len(raw_iv)) != (KEY_BYTES, KEY_BYTES):
            raise CodeRefused("another length")
        decryptor = Cipher(algorithms.AES(raw_key), modes.CBC(raw_iv)).decryptor()
        raw = base64.b64decode(sealed, validate=True)
        padded = decryptor.update(raw) + decryptor.finalize()
        unpadder = PKCS7(BLOCK_BITS).unpadder()
        told = json.loads((unpadder.update(padded) + unpadder.finalize()).decode())
    except (ValueError, RecursionError):  # not base64, not padded, not UTF-8, not JSON
        raise CodeRefused("cannot be decrypted") from None
    if not isinstance(told, dict):
        raise CodeRefused("not an object")
    return told
