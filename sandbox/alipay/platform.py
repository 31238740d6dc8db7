"""Alipay's side of the keys: who signs answers and notices, and whose requests are known."""

import base64
import binascii
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.padding import PKCS7

from sandbox.alipay_keys import FOLDER, root_serial_name, serial_name
from sandbox.keys import Credentials

SIGN_TYPE = "RSA2"
UNCHECKED_SIGNATURE = base64.b64encode(b"sandbox without RSA".ljust(256, b".")).decode()
BLOCK_BITS = 128


@dataclass(frozen=True)
class SigningKey:
    """One of Alipay's keys and the SN of its certificate."""

    serial_name: str
    key: RSAPrivateKey

    def sign(self, text: str, *, require_rsa: bool = True, corrupt: bool = False) -> str:
        """RSA2 over the text; a corrupt one is truly made, over something else."""
        if not (require_rsa or corrupt):
            return UNCHECKED_SIGNATURE
        message = text.encode() + (b"corrupt" if corrupt else b"")
        return base64.b64encode(self.key.sign(message, PKCS1v15(), SHA256())).decode()


class Platform:
    """Keys parsed once, and the merchant's names."""

    def __init__(self, directory: Path, credentials: Credentials) -> None:
        folder = directory.resolve() / FOLDER
        names = credentials["alipay"]
        self.app_id = names["app_id"]
        self.seller_id = names["seller_id"]
        app = _certificate(folder / "app_cert.pem")
        app_key = app.public_key()
        if not isinstance(app_key, RSAPublicKey):
            raise TypeError("the application's certificate holds no RSA key")
        self._app_key = app_key
        self.app_cert_sn = serial_name(app)
        self.root_cert_sn = root_serial_name((folder / "alipay_root_cert.pem").read_text())
        self._keys = {
            "current": _signing_key(folder, "alipay"),
            "next": _signing_key(folder, "alipay_next"),
        }
        self._aes_key = base64.b64decode(names["aes_key"])

    def signing_key(self, which: str = "current") -> SigningKey:
        """The key of today's certificate, or of the one that replaces it."""
        return self._keys[which]

    def is_signed_by_app(self, text: str, signature: str) -> bool:
        """Did the merchant's application sign this very text?"""
        try:
            raw = base64.b64decode(signature, validate=True)
            self._app_key.verify(raw, text.encode(), PKCS1v15(), SHA256())
        except (InvalidSignature, binascii.Error, ValueError):
            return False
        return True

    def encrypted(self, plain: str) -> str:
        """AES-CBC with the application's content key and an initial vector of zeros, base64."""
        padder = PKCS7(BLOCK_BITS).padder()
        padded = padder.update(plain.encode()) + padder.finalize()
        encryptor = Cipher(algorithms.AES(self._aes_key), modes.CBC(bytes(16))).encryptor()
        return base64.b64encode(encryptor.update(padded) + encryptor.finalize()).decode()


def _signing_key(folder: Path, name: str) -> SigningKey:
    key = serialization.load_pem_private_key(
        (folder / f"{name}_private_key.pem").read_bytes(), password=None
    )
    if not isinstance(key, RSAPrivateKey):
        raise TypeError(f"{name} holds no RSA key")
    return SigningKey(serial_name(_certificate(folder / f"{name}_cert.pem")), key)


def _certificate(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())
