"""What WeChat and WeCom push to the merchant: sealed by AES-CBC, signed by SHA-1."""

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from sandbox.sender import Message

BLOCK = 32
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def new_names() -> dict[str, str]:
    """Token and EncodingAESKey of a new address."""
    token = "".join(secrets.choice(LETTERS) for _ in range(32))
    # Of the last of 43 letters four bits count, so that any letter would do.
    aes_key = base64.b64encode(secrets.token_bytes(32)).decode().rstrip("=")
    aes_key = aes_key.replace("+", "p").replace("/", "s")
    return {"callback_token": token, "callback_aes_key": aes_key}


@dataclass(frozen=True)
class Address:
    """An address of the merchant: the secrets that both sides know, and whose it is."""

    token: str
    aes_key: str
    receiver: str

    def sealed(self, text: str) -> str:
        """The text in its envelope of random bytes, length and receiver, padded to 32 bytes."""
        content = text.encode()
        plain = secrets.token_bytes(16) + len(content).to_bytes(4, "big") + content
        plain += self.receiver.encode()
        missing = BLOCK - len(plain) % BLOCK
        plain += bytes([missing]) * missing
        key = base64.b64decode(f"{self.aes_key}=")
        encryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
        return base64.b64encode(encryptor.update(plain) + encryptor.finalize()).decode()

    def query(self, sealed: str, now: datetime, *, corrupt: bool = False) -> dict[str, str]:
        """Signature, timestamp and nonce over a sealed text."""
        timestamp, nonce = str(int(now.timestamp())), str(secrets.randbelow(10**10))
        token = self.token[::-1] if corrupt else self.token
        whole = "".join(sorted((token, timestamp, nonce, sealed)))
        signature = hashlib.sha1(whole.encode(), usedforsecurity=False).hexdigest()
        return {"msg_signature": signature, "timestamp": timestamp, "nonce": nonce}

    def message(
        self, url: str, text: str, now: datetime, *, as_json: bool = False, corrupt: bool = False
    ) -> Message:
        """The request that brings a text."""
        sealed = self.sealed(text)
        outside = {"ToUserName": self.receiver, "Encrypt": sealed}
        body = json.dumps(outside) if as_json else xml_of(outside)
        kind = "application/json" if as_json else "text/xml; charset=utf-8"
        query = self.query(sealed, now, corrupt=corrupt)
        return Message(with_query(url, query), {"Content-Type": kind}, body.encode())


def xml_of(texts: Mapping[str, Any]) -> str:
    """A message as the platforms write XML: numbers bare, texts in CDATA."""
    parts = (
        f"<{name}>{value if isinstance(value, int) else f'<![CDATA[{value}]]>'}</{name}>"
        for name, value in texts.items()
    )
    return f"<xml>{''.join(parts)}</xml>"


def with_query(url: str, query: Mapping[str, str]) -> str:
    """The address with its query."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(query=urlencode(dict(query))))
