"""RSA keys as merchants keep them: PKCS#1 or PKCS#8, PEM or the bare base64 of a vendor's tool."""

import base64
import binascii
import re
from typing import Final

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
    load_der_public_key,
    load_pem_private_key,
    load_pem_public_key,
)

_SPACE: Final = re.compile(r"\s+")
LEAST_BITS: Final = 2048


class BadKey(ValueError):
    """The text is not an RSA key of at least 2048 bits. The message never shows it."""


def load_private_key(text: str) -> RSAPrivateKey:
    """Read an unencrypted RSA private key; raises `BadKey`."""
    try:
        if "-----BEGIN" in text:
            key = load_pem_private_key(text.strip().encode(), password=None)
        else:
            key = load_der_private_key(_bare(text), password=None)
    except (ValueError, TypeError, binascii.Error):
        # The library's own message may quote what it was given.
        raise BadKey("not an unencrypted private key") from None
    if not isinstance(key, RSAPrivateKey) or key.key_size < LEAST_BITS:
        raise BadKey("not an RSA private key of at least 2048 bits")
    return key


def load_public_key(text: str) -> RSAPublicKey:
    """Read an RSA public key; raises `BadKey`."""
    try:
        if "-----BEGIN" in text:
            key = load_pem_public_key(text.strip().encode())
        else:
            key = load_der_public_key(_bare(text))
    except (ValueError, binascii.Error):
        raise BadKey("not a public key") from None
    if not isinstance(key, RSAPublicKey) or key.key_size < LEAST_BITS:
        raise BadKey("not an RSA public key of at least 2048 bits")
    return key


def pkcs8_pem(key: RSAPrivateKey) -> str:
    """Write a private key as PKCS#8 PEM, the one form that every library takes."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def public_pem(key: RSAPublicKey) -> str:
    """Write a public key as SubjectPublicKeyInfo PEM."""
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def _bare(text: str) -> bytes:
    return base64.b64decode(_SPACE.sub("", text), validate=True)
