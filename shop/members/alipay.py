"""Alipay for members: who signs in, and the phone number in an encrypted, signed response."""

import base64
import binascii
import json
import logging
import re
from datetime import datetime
from typing import Any, Final

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from kit.alipay import SIGN_TYPE, AlipayApi, AlipayBusy, AlipayNoAnswer, AlipayRefused
from kit.crypto import same
from shop.members.platforms import CodeRefused, Platform, PlatformIdentity, PlatformUnavailable

log = logging.getLogger(__name__)

CODE_FAULTS: Final = frozenset({"isv.code-invalid", "isv.unmatched-app-id"})
BLOCK_BITS: Final = 128
LONGEST_RESPONSE: Final = 20_000
_MAINLAND: Final = re.compile(r"1[0-9]{10}", re.ASCII)
_WITH_COUNTRY: Final = re.compile(r"\+?([0-9]{1,4})-([0-9]{4,14})", re.ASCII)


class AlipayMembers:
    """Sign-in and phone number of the mini-program; an `IdentityPlatform`."""

    def __init__(self, api: AlipayApi, *, aes_key: str) -> None:
        """Keep the client and the content key, base64 of 16 bytes; raises `ValueError`."""
        self._api = api
        try:
            self._aes_key = base64.b64decode(aes_key, validate=True)
        except binascii.Error:
            raise ValueError("the AES key must be base64") from None
        if len(self._aes_key) not in (16, 24, 32):
            raise ValueError("the AES key must have 16, 24 or 32 bytes")

    @property
    def platform(self) -> Platform:
        """Alipay."""
        return Platform.ALIPAY

    def identify(self, *, code: str) -> PlatformIdentity:
        """Exchange the code of `my.getAuthCode`; the tokens that come with it are dropped."""
        try:
            answer = self._api.call(
                "alipay.system.oauth.token", grant_type="authorization_code", code=code
            )
        except (AlipayNoAnswer, AlipayBusy) as exc:
            raise PlatformUnavailable(exc.code or str(exc)) from None
        except AlipayRefused as exc:
            raise _refusal(exc.code) from None
        open_id, union_id = answer.get("open_id"), answer.get("union_id")
        if not isinstance(open_id, str) or not open_id:
            raise PlatformUnavailable("no open_id in the answer")
        return PlatformIdentity(
            platform=Platform.ALIPAY,
            app_id=self._api.app_id,
            open_id=open_id,
            union_id=union_id if isinstance(union_id, str) and union_id else None,
        )

    def phone_number(self, *, credential: str, now: datetime) -> str:
        """Verify, then decrypt what `my.getPhoneNumber` gave.

        It carries no time and no person: whoever asks is bound to the answer by the sign-in alone.
        """
        sealed, signature = _sealed_in(credential)
        # Alipay signs the JSON value: an encrypted response with its quotes, a plain object bare.
        signed = sealed if sealed.startswith("{") else f'"{sealed}"'
        if not self._api.is_signed(signed, signature):
            raise CodeRefused("bad signature")
        return _number_in(self._opened(sealed))

    def _opened(self, sealed: str) -> dict[str, Any]:
        try:
            text = sealed if sealed.startswith("{") else self._decrypted(sealed)
            content = json.loads(text)
        except ValueError:  # what is not base64, not UTF-8, not padded or not JSON
            raise CodeRefused("cannot be decrypted") from None
        if not isinstance(content, dict):
            raise CodeRefused("not an answer")
        return content

    def _decrypted(self, sealed: str) -> str:
        raw = base64.b64decode(sealed, validate=True)
        # An initial vector of zeros is Alipay's; the signature above stands for authenticity.
        decryptor = Cipher(algorithms.AES(self._aes_key), modes.CBC(bytes(16))).decryptor()
        padded = decryptor.update(raw) + decryptor.finalize()
        unpadder = PKCS7(BLOCK_BITS).unpadder()
        return (unpadder.update(padded) + unpadder.finalize()).decode()


def _refusal(sub_code: str) -> Exception:
    if sub_code in CODE_FAULTS:
        return CodeRefused(sub_code)
    log.error("alipay refuses our configuration", extra={"sub_code": sub_code})
    return PlatformUnavailable(sub_code)


def _sealed_in(credential: str) -> tuple[str, str]:
    """Return the response and its signature; the algorithm in the text must be ours."""
    if len(credential) > LONGEST_RESPONSE:
        raise CodeRefused("too long")
    try:
        blob = json.loads(credential)
    except (ValueError, RecursionError):
        raise CodeRefused("not JSON") from None
    if not isinstance(blob, dict):
        raise CodeRefused("not an object")
    sealed, signature = blob.get("response"), blob.get("sign")
    if not isinstance(sealed, str) or not isinstance(signature, str):
        raise CodeRefused("no signed response")
    sign_type, encrypt_type = blob.get("sign_type", SIGN_TYPE), blob.get("encrypt_type", "AES")
    if not same(str(sign_type), SIGN_TYPE) or encrypt_type != "AES":
        raise CodeRefused("another algorithm")
    return sealed, signature


def _number_in(content: dict[str, Any]) -> str:
    if str(content.get("code")) != "10000":
        sub_code = str(content.get("subCode") or content.get("sub_code") or content.get("code"))
        log.error("alipay gives no phone number", extra={"sub_code": sub_code})
        raise PlatformUnavailable(sub_code)
    mobile = str(content.get("mobile", ""))
    if _MAINLAND.fullmatch(mobile):
        return f"+86{mobile}"
    if match := _WITH_COUNTRY.fullmatch(mobile):
        return f"+{match[1]}{match[2]}"
    raise CodeRefused("not a phone number")
