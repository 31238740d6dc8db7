"""Names, keys and certificates of the simulated Alipay, made once and kept in the directory."""

import base64
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from sandbox.key_files import new_key, private_pem, write_secret

FOLDER = "alipay"
VALID_DAYS = 3650
RSA_SIGNATURES = "1.2.840.113549.1.1."
PEM_END = "-----END CERTIFICATE-----"
# The DER of these identifiers is equally long, so one may stand in the place of the other.
P256, SM2 = bytes.fromhex("2a8648ce3d030107"), bytes.fromhex("2a811ccf5501822d")
ECDSA_SHA256, SM2_SM3 = bytes.fromhex("2a8648ce3d040302"), bytes.fromhex("2a811ccf55018375")

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@dataclass(frozen=True)
class Authority:
    """Who signs certificates."""

    name: x509.Name
    key: Key
    certificate: x509.Certificate


def ensure_alipay_credentials(directory: Path, former: Mapping[str, str]) -> dict[str, str]:
    """What Alipay gives a merchant; `former` is what an earlier start gave, if it did."""
    folder = directory / FOLDER
    names = former or _make(folder)
    return {
        "app_id": names["app_id"],
        "seller_id": names["seller_id"],
        "app_private_key_file": str(folder / "app_private_key.pem"),
        "app_cert_file": str(folder / "app_cert.pem"),
        "alipay_cert_file": str(folder / "alipay_cert.pem"),
        "alipay_root_cert_file": str(folder / "alipay_root_cert.pem"),
        "aes_key": names["aes_key"],
    }


def serial_name(certificate: x509.Certificate) -> str:
    """The "SN": MD5 of the issuer's name, most special part first, and the decimal serial."""
    text = certificate.issuer.rfc4514_string() + str(certificate.serial_number)
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def root_serial_name(bundle: str) -> str:
    """The SNs of all roots that are signed with RSA, joined by `_`."""
    names = []
    for part in bundle.split(PEM_END)[:-1]:
        try:
            root = x509.load_pem_x509_certificate((part.strip() + "\n" + PEM_END).encode())
        except ValueError:
            continue  # the real SM2 root is one that the library cannot read
        if root.signature_algorithm_oid.dotted_string.startswith(RSA_SIGNATURES):
            names.append(serial_name(root))
    return "_".join(names)


def _make(folder: Path) -> dict[str, str]:
    """Roots, intermediates, the application's certificate, Alipay's own and its successor."""
    folder.mkdir(exist_ok=True, mode=0o700)
    seller_id = "2088" + _digits(12)
    app_id = "2021" + _digits(12)
    root_key, class_key = new_key(), new_key()
    root = _root("Simulated Ant CA R1", root_key)
    second = _root("Simulated Ant Root CA R2", root_key)
    elliptic = _root("Simulated Ant CA E1", _elliptic_key())
    class1 = _issued("Simulated Ant CA Class 1 R1", class_key, root, is_ca=True)
    class2 = _issued("Simulated Ant CA Class 2 R1", class_key, root, is_ca=True)
    app = _issued(f"{seller_id}-{app_id}", new_key(), class1)
    alipay = _issued("Simulated Alipay-RSA2 1", new_key(), class2)
    successor = _issued("Simulated Alipay-RSA2 2", new_key(), class2)
    roots = [_sm2_pem(elliptic), _pem(root), _pem(elliptic), _pem(second)]
    files = {
        "app_private_key.pem": _private(app),
        "app_cert.pem": _pem(app),
        "alipay_cert.pem": _pem(alipay),
        "alipay_private_key.pem": _private(alipay),
        "alipay_next_cert.pem": _pem(successor),
        "alipay_next_private_key.pem": _private(successor),
        "alipay_root_cert.pem": b"".join(roots),
    }
    for name, content in files.items():
        write_secret(folder / name, content)
    aes_key = base64.b64encode(secrets.token_bytes(16)).decode()
    return {"app_id": app_id, "seller_id": seller_id, "aes_key": aes_key}


def _elliptic_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _root(name: str, key: Key) -> Authority:
    subject = _name(name)
    return Authority(subject, key, _certificate(subject, key, subject, key, is_ca=True))


def _issued(name: str, key: Key, by: Authority, *, is_ca: bool = False) -> Authority:
    subject = _name(name)
    return Authority(subject, key, _certificate(subject, key, by.name, by.key, is_ca=is_ca))


def _certificate(
    subject: x509.Name, key: Key, issuer: x509.Name, issuer_key: Key, *, is_ca: bool
) -> x509.Certificate:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number((1 << 126) | secrets.randbits(126))
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=VALID_DAYS))
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        .sign(issuer_key, hashes.SHA256())
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "CN"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Simulated Ant"),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "Certification Authority"),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def _pem(authority: Authority) -> bytes:
    return authority.certificate.public_bytes(Encoding.PEM)


def _private(authority: Authority) -> bytes:
    if not isinstance(authority.key, rsa.RSAPrivateKey):
        raise TypeError("only RSA keys are kept")
    return private_pem(authority.key)


def _sm2_pem(authority: Authority) -> bytes:
    """A root that says it is SM2, as the real bundle holds one; its own signature is not true."""
    der = authority.certificate.public_bytes(Encoding.DER)
    text = base64.b64encode(der.replace(P256, SM2).replace(ECDSA_SHA256, SM2_SM3)).decode()
    wrapped = "\n".join(text[at : at + 64] for at in range(0, len(text), 64))
    return f"-----BEGIN CERTIFICATE-----\n{wrapped}\n{PEM_END}\n".encode()


def _digits(count: int) -> str:
    return "".join(secrets.choice("0123456789") for _ in range(count))
