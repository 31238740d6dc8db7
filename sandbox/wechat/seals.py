"""What WeChat seals for the merchant's server: AES-128-CBC under the session key."""

import base64
import secrets

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

BLOCK_BITS = 128


def sealed(text: str, session_key: str) -> dict[str, str]:
    """`encrypted_data` and `iv` as a client hands them over."""
    iv = secrets.token_bytes(16)
    padder = PKCS7(BLOCK_BITS).padder()
    padded = padder.update(text.encode()) + padder.finalize()
    encryptor = Cipher(algorithms.AES(base64.b64decode(session_key)), modes.CBC(iv)).encryptor()
    raw = encryptor.update(padded) + encryptor.finalize()
    return {
        "encrypted_data": base64.b64encode(raw).decode(),
        "iv": base64.b64encode(iv).decode(),
    }
