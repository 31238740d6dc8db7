"""Keys, certificates and names of the simulated platforms, made once and kept in the directory."""

import fcntl
import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from sandbox.alipay_keys import ensure_alipay_credentials
from sandbox.key_files import new_key, private_pem, public_pem, write_secret
from sandbox.pushes import new_names

Credentials = dict[str, dict[str, str]]

VALID_DAYS = 3650
ALPHANUMERIC = "0123456789abcdefghijklmnopqrstuvwxyz"


def ensure_credentials(directory: Path, port: int) -> Credentials:
    """Create what is absent, write `credentials.json` (0600) and return its content."""
    directory = directory.resolve()
    directory.mkdir(parents=True, exist_ok=True)
    directory.chmod(0o700)
    with _only_one(directory):
        former = _read(directory / "credentials.json")
        credentials = {
            "wechat": _wechat_names() | former.get("wechat", {}),
            "wechat_pay": _with_files(
                former.get("wechat_pay") or _wechat_pay_keys(directory), directory
            ),
            "alipay": ensure_alipay_credentials(directory, former.get("alipay", {})),
            "wecom": _wecom_names() | former.get("wecom", {}),
            "tencent_captcha": former.get("tencent_captcha") or _tencent_captcha_names(),
            "base_urls": {
                "wechat": f"http://127.0.0.1:{port}/wechat",
                "wechat_pay": f"http://127.0.0.1:{port}/wechat-pay",
                "alipay": f"http://127.0.0.1:{port}/alipay",
                "wecom": f"http://127.0.0.1:{port}/wecom",
                "tencent_captcha": f"http://127.0.0.1:{port}/tencent-captcha",
            },
        }
        write_secret(directory / "credentials.json", json.dumps(credentials, indent=2).encode())
    return credentials


def _wechat_names() -> dict[str, str]:
    names = {"app_id": "wx" + secrets.token_hex(8), "app_secret": secrets.token_hex(16)}
    return names | new_names()


def _wecom_names() -> dict[str, str]:
    names = {"corp_id": "ww" + secrets.token_hex(8), "corp_secret": secrets.token_urlsafe(32)}
    return names | new_names()


def _tencent_captcha_names() -> dict[str, str]:
    return {
        "app_id": "19" + "".join(secrets.choice("0123456789") for _ in range(8)),
        "app_secret_key": secrets.token_urlsafe(18),
        "secret_id": "AKID" + secrets.token_hex(16),
        "secret_key": secrets.token_urlsafe(24),
    }


def _wechat_pay_keys(directory: Path) -> dict[str, str]:
    """A CA, the merchant's certificate, and the platform's public key and certificate."""
    folder = directory / "wechat_pay"
    folder.mkdir(exist_ok=True, mode=0o700)
    mch_id = "16" + "".join(secrets.choice("0123456789") for _ in range(8))
    ca_key, merchant_key, public_key, platform_key = (new_key() for _ in range(4))
    ca = _certificate("Simulated Tenpay Root CA", ca_key.public_key(), ca_key, None)
    merchant = _certificate(mch_id, merchant_key.public_key(), ca_key, ca)
    platform = _certificate("Simulated WeChat Pay", platform_key.public_key(), ca_key, ca)
    public_key_id = (
        "PUB_KEY_ID_01" + mch_id + "".join(secrets.choice("0123456789") for _ in "20261")
    )
    files = {
        "merchant_key.pem": private_pem(merchant_key),
        "merchant_cert.pem": merchant.public_bytes(serialization.Encoding.PEM),
        "public_key.pem": public_pem(public_key.public_key()),
        "platform_public_key_private.pem": private_pem(public_key),
        "platform_cert.pem": platform.public_bytes(serialization.Encoding.PEM),
        "platform_cert_private.pem": private_pem(platform_key),
        "ca_cert.pem": ca.public_bytes(serialization.Encoding.PEM),
    }
    for name, content in files.items():
        write_secret(folder / name, content)
    return {
        "mch_id": mch_id,
        "merchant_serial": f"{merchant.serial_number:040X}",
        "api_v3_key": "".join(secrets.choice(ALPHANUMERIC) for _ in range(32)),
        "public_key_id": public_key_id,
    }


def _with_files(names: dict[str, str], directory: Path) -> dict[str, str]:
    """Absolute paths, right also after the directory was moved."""
    folder = directory / "wechat_pay"
    return {
        "mch_id": names["mch_id"],
        "merchant_serial": names["merchant_serial"],
        "merchant_private_key_file": str(folder / "merchant_key.pem"),
        "api_v3_key": names["api_v3_key"],
        "public_key_id": names["public_key_id"],
        "public_key_file": str(folder / "public_key.pem"),
    }


def _certificate(
    name: str,
    key: rsa.RSAPublicKey,
    issuer_key: rsa.RSAPrivateKey,
    issuer: x509.Certificate | None,
) -> x509.Certificate:
    """A certificate for `name`; self-signed when there is no issuer."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.subject if issuer else subject)
        .public_key(key)
        .serial_number((1 << 158) | secrets.randbits(158))
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=VALID_DAYS))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .sign(issuer_key, hashes.SHA256())
    )


def _read(path: Path) -> Credentials:
    if not path.exists():
        return {}
    content: Credentials = json.loads(path.read_text(encoding="utf-8"))
    return content


@contextmanager
def _only_one(directory: Path) -> Iterator[None]:
    """Two processes that start at once make one set of keys."""
    with (directory / "keys.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
