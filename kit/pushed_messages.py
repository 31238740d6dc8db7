"""Messages that WeChat and WeCom push to an address of ours: signed, sealed, and fresh.

The signature is a SHA-1 over sorted texts, one of them a secret that both sides know; the content
is sealed by AES-CBC and ends with whom it is for. Nothing is decrypted before the signature holds.
"""

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from xml.etree.ElementTree import ParseError

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from kit.crypto import KEY_BYTES, same

FRESH_WITHIN: Final = timedelta(minutes=5)
MOST_BYTES: Final = 1_000_000
BLOCK_BITS: Final = 256  # their padding fills up to 32 bytes, twice the cipher's own block
RANDOM_BYTES: Final = 16
LENGTH_BYTES: Final = 4
_SECONDS: Final = re.compile(r"[0-9]{1,11}", re.ASCII)
_ECHO: Final = re.compile(r"[0-9A-Za-z]{1,128}", re.ASCII)
_KEY: Final = re.compile(r"[0-9A-Za-z+/]{43}", re.ASCII)


class MessageRejected(Exception):
    """A message is not authentic, not fresh, not for us, or has another form; `reason` says."""

    def __init__(self, reason: str) -> None:
        """Keep the reason, which holds nothing of the message."""
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Envelope:
    """What stands around a sealed text, in the query of the request."""

    signature: str
    timestamp: str
    nonce: str

    @classmethod
    def of(cls, query: Mapping[str, str]) -> "Envelope":
        """Read it from a query; what is missing is empty, and refused later."""
        return cls(*(query.get(name, "") for name in ("msg_signature", "timestamp", "nonce")))


class PushedMessages:
    """Opens what a platform pushes to one receiver; shows no key."""

    __slots__ = ("_key", "_receiver", "_token")

    def __init__(self, *, token: str, aes_key: str, receiver: str) -> None:
        """Take the Token, the EncodingAESKey of 43 characters and our id; or `ValueError`."""
        if not token or not receiver:
            raise ValueError("token and receiver must not be empty")
        if not _KEY.fullmatch(aes_key):
            raise ValueError("an EncodingAESKey has 43 letters and digits")
        self._key = base64.b64decode(f"{aes_key}=")
        if len(self._key) != KEY_BYTES:
            raise ValueError(f"the key must have {KEY_BYTES} bytes")
        self._token = token
        self._receiver = receiver

    def __repr__(self) -> str:
        """Show nothing."""
        return "<PushedMessages>"

    def open(self, envelope: Envelope, sealed: str, *, now: datetime) -> str:
        """Return the content of an authentic, fresh message for us; raises `MessageRejected`."""
        if not all((envelope.signature, envelope.timestamp, envelope.nonce, sealed)):
            raise MessageRejected("unsigned")
        if not _SECONDS.fullmatch(envelope.timestamp):
            raise MessageRejected("malformed")
        if not same(self.sign(envelope.timestamp, envelope.nonce, sealed), envelope.signature):
            raise MessageRejected("bad_signature")
        _check_fresh(envelope.timestamp, now)
        content, receiver = self._unsealed(sealed)
        if not same(receiver, self._receiver):
            raise MessageRejected("foreign_receiver")
        return content

    def greet(self, query: Mapping[str, str], *, now: datetime) -> str:
        """Return what WeChat wants to read when the address is saved; raises `MessageRejected`.

        Other than WeCom it seals nothing there.
        """
        timestamp, nonce, echo = (query.get(name, "") for name in ("timestamp", "nonce", "echostr"))
        if not all((timestamp, nonce, echo)):
            raise MessageRejected("unsigned")
        if not _SECONDS.fullmatch(timestamp) or not _ECHO.fullmatch(echo):
            raise MessageRejected("malformed")
        if not same(self.sign(timestamp, nonce), query.get("signature", "")):
            raise MessageRejected("bad_signature")
        _check_fresh(timestamp, now)
        return echo

    def sign(self, *told: str) -> str:
        """Return the signature over timestamp, nonce and what is sealed, if anything is."""
        texts = sorted((self._token, *told))
        whole = "".join(texts).encode("utf-8", "surrogatepass")
        return hashlib.sha1(whole).hexdigest()  # noqa: S324 - the platforms prescribe it

    def _unsealed(self, sealed: str) -> tuple[str, str]:
        """Return the content and whom it is for."""
        try:
            raw = base64.b64decode(sealed, validate=True)
            decryptor = Cipher(
                algorithms.AES(self._key), modes.CBC(self._key[:RANDOM_BYTES])
            ).decryptor()
            unpadder = PKCS7(BLOCK_BITS).unpadder()
            plain = unpadder.update(decryptor.update(raw) + decryptor.finalize())
            plain += unpadder.finalize()
            start = RANDOM_BYTES + LENGTH_BYTES
            end = start + int.from_bytes(plain[RANDOM_BYTES:start], "big")
            if not start <= end <= len(plain):
                raise MessageRejected("undecryptable")
            return plain[start:end].decode(), plain[end:].decode()
        except (ValueError, binascii.Error):
            raise MessageRejected("undecryptable") from None


def _check_fresh(timestamp: str, now: datetime) -> None:
    if abs(now.timestamp() - int(timestamp)) > FRESH_WITHIN.total_seconds():
        raise MessageRejected("stale")


def texts_of_xml(body: bytes | str) -> dict[str, str]:
    """Return the texts of a message's first level; raises `MessageRejected`.

    Document types and entities are refused, and so is a name that comes twice.
    """
    if len(body) > MOST_BYTES:
        raise MessageRejected("malformed")
    try:
        root = fromstring(body, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError):
        raise MessageRejected("malformed") from None
    names = [part.tag for part in root]
    if root.tag != "xml" or len(set(names)) != len(names):
        raise MessageRejected("malformed")
    return {part.tag: part.text or "" for part in root}


def texts_of_json(body: bytes | str) -> dict[str, object]:
    """Return a message that is a JSON object; raises `MessageRejected`."""
    if len(body) > MOST_BYTES:
        raise MessageRejected("malformed")
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        raise MessageRejected("malformed") from None
    if not isinstance(content, dict):
        raise MessageRejected("malformed")
    return content
