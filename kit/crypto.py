"""Sealing, keyed hashing and constant-time comparing, over the `cryptography` library."""

import hashlib
import hmac
import secrets
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12


class CannotOpen(Exception):
    """The ciphertext, its key or its associated data do not belong together."""


def new_key() -> bytes:
    """Return 32 random bytes."""
    return secrets.token_bytes(KEY_BYTES)


def new_token() -> str:
    """Return an opaque token of 256 random bits, URL-safe text of 43 characters."""
    return secrets.token_urlsafe(32)


def keyed_hash(key: bytes, *parts: bytes) -> bytes:
    """Return HMAC-SHA-256 over the length-framed `parts`, 32 bytes, for looking up."""
    mac = hmac.new(key, digestmod=hashlib.sha256)
    for part in parts:
        # Framing keeps ("ab", "c") and ("a", "bc") apart.
        mac.update(len(part).to_bytes(8, "big") + part)
    return mac.digest()


def same(left: bytes | str, right: bytes | str) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(_as_bytes(left), _as_bytes(right))


def seal(key: bytes, plaintext: bytes, *, bound_to: bytes) -> bytes:
    """Encrypt with AES-256-GCM to nonce + ciphertext + tag, which opens only with `bound_to`."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plaintext, bound_to)


def unseal(key: bytes, sealed: bytes, *, bound_to: bytes) -> bytes:
    """Decrypt what `seal` made; raises `CannotOpen` when anything was exchanged or changed."""
    try:
        return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound_to)
    except (InvalidTag, ValueError) as exc:
        raise CannotOpen from exc


def _as_bytes(value: bytes | str) -> bytes:
    # JSON from outside may hold half a surrogate pair; it differs from everything, and no more.
    return value.encode(errors="surrogatepass") if isinstance(value, str) else value
