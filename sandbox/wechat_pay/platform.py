"""The platform's side of the keys: who signs answers and notices, and whose requests are known."""

import base64
import json
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP, PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA1, SHA256

from sandbox.clock import beijing_text
from sandbox.keys import Credentials

SIGNATURE_TYPE = "WECHATPAY2-SHA256-RSA2048"
UNCHECKED_SIGNATURE = base64.b64encode(b"sandbox without RSA".ljust(256, b".")).decode()


@dataclass(frozen=True)
class SigningKey:
    """One of the platform's keys and the serial by which the merchant finds its public half."""

    serial: str
    key: RSAPrivateKey

    def headers(
        self, body: bytes, *, corrupt: bool = False, require_rsa: bool = True, age_seconds: int = 0
    ) -> dict[str, str]:
        """The five headers over `timestamp\\nnonce\\nbody\\n`; fresh at each call."""
        timestamp = str(int(time.time()) - age_seconds)
        nonce = secrets.token_hex(16)
        signature = UNCHECKED_SIGNATURE
        if require_rsa or corrupt:
            shown = body + b"corrupt" if corrupt else body
            message = f"{timestamp}\n{nonce}\n".encode() + shown + b"\n"
            signature = base64.b64encode(self.key.sign(message, PKCS1v15(), SHA256())).decode()
        return {
            "Wechatpay-Timestamp": timestamp,
            "Wechatpay-Nonce": nonce,
            "Wechatpay-Signature": signature,
            "Wechatpay-Serial": self.serial,
            "Wechatpay-Signature-Type": SIGNATURE_TYPE,
        }


class Platform:
    """Keys parsed once, and the merchant's names."""

    def __init__(self, directory: Path, credentials: Credentials) -> None:
        folder = directory.resolve() / "wechat_pay"
        names = credentials["wechat_pay"]
        self.app_id = credentials["wechat"]["app_id"]
        self.mch_id = names["mch_id"]
        self.merchant_serial = names["merchant_serial"]
        self.certificate = x509.load_pem_x509_certificate(
            (folder / "platform_cert.pem").read_bytes()
        )
        self.public_key = SigningKey(
            names["public_key_id"], _private_key(folder / "platform_public_key_private.pem")
        )
        self.certificate_key = SigningKey(
            f"{self.certificate.serial_number:040X}",
            _private_key(folder / "platform_cert_private.pem"),
        )
        merchant = x509.load_pem_x509_certificate((folder / "merchant_cert.pem").read_bytes())
        merchant_key = merchant.public_key()
        if not isinstance(merchant_key, RSAPublicKey):
            raise TypeError("the merchant's certificate holds no RSA key")
        self.merchant_key = merchant_key
        self._api_v3_key = AESGCM(names["api_v3_key"].encode())

    def answer_key(self, wanted_serial: str | None) -> SigningKey:
        """The merchant chooses by `Wechatpay-Serial`; without it the certificate's key signs."""
        if wanted_serial == self.public_key.serial:
            return self.public_key
        return self.certificate_key

    def knows_serial(self, serial: str) -> bool:
        """Is this one of the platform's own serials?"""
        return serial in {self.public_key.serial, self.certificate_key.serial}

    def opened(self, sealed: bytes, serial: str | None) -> str:
        """What a merchant encrypted for the key it names; ValueError when it is not for that."""
        padding = OAEP(MGF1(SHA1()), SHA1(), None)  # noqa: S303 - the platform's own choice
        return self.answer_key(serial).key.decrypt(sealed, padding).decode()

    def encrypted(self, plain: bytes, associated_data: str, nonce: str) -> dict[str, str]:
        """AEAD_AES_256_GCM with the merchant's APIv3 key."""
        sealed = self._api_v3_key.encrypt(nonce.encode(), plain, associated_data.encode())
        return {
            "algorithm": "AEAD_AES_256_GCM",
            "ciphertext": base64.b64encode(sealed).decode(),
            "associated_data": associated_data,
            "nonce": nonce,
        }

    def certificates(self) -> dict[str, Any]:
        """The answer of `GET /v3/certificates`."""
        pem = self.certificate.public_bytes(serialization.Encoding.PEM)
        return {
            "data": [
                {
                    "serial_no": self.certificate_key.serial,
                    "effective_time": beijing_text(self.certificate.not_valid_before_utc),
                    "expire_time": beijing_text(self.certificate.not_valid_after_utc),
                    "encrypt_certificate": self.encrypted(pem, "certificate", new_nonce()),
                }
            ]
        }


def new_nonce() -> str:
    """Twelve characters, the length that GCM wants."""
    return secrets.token_hex(6)


def plain_json(content: dict[str, Any]) -> bytes:
    """The plaintext of a notice."""
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


def _private_key(path: Path) -> RSAPrivateKey:
    key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, RSAPrivateKey):
        raise TypeError(f"{path.name} holds no RSA key")
    return key
