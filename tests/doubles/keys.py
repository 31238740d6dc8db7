"""Keys and certificates for tests, made once per test process."""

from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import (
    RSAPrivateKey,
    RSAPublicKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from kit.rsa_keys import pkcs8_pem, public_pem


@cache
def key(name: str) -> RSAPrivateKey:
    """Return the key of that name."""
    return generate_private_key(public_exponent=65537, key_size=2048)


def private_text(name: str) -> str:
    """Return a key as PKCS#8."""
    return pkcs8_pem(key(name))


def pkcs1_text(name: str) -> str:
    """Return a key as PKCS#1, the form that `openssl genrsa` long gave."""
    return (
        key(name)
        .private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
        .decode()
    )


def public_text(name: str) -> str:
    """Return the public half."""
    return public_pem(key(name).public_key())


def certificate(public_key: RSAPublicKey, *, serial: int) -> str:
    """Return a certificate for a public key, issued by the test's own authority."""
    issuer = x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "CN"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Test"),
            x509.NameAttribute(NameOID.COMMON_NAME, "Test Authority"),
        ]
    )
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(issuer)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(serial)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .sign(key("authority"), SHA256())
    )
    return built.public_bytes(Encoding.PEM).decode()
