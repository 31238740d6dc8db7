"""Alipay's certificates: their serial names as the gateway computes them, and the keys inside."""

import hashlib
import logging
import re
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

log = logging.getLogger(__name__)

_PEM: Final = re.compile(
    r"-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----", re.DOTALL | re.ASCII
)
_RSA_SIGNATURES: Final = "1.2.840.113549.1.1."


class BadCertificate(ValueError):
    """The text holds no certificate of the kind that is needed."""


def serial_name(certificate: x509.Certificate) -> str:
    """Return the "SN" of a certificate: MD5 over its issuer and decimal serial, 32 hex digits."""
    text = f"{certificate.issuer.rfc4514_string()}{certificate.serial_number}"
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def application_serial_name(pem: str) -> str:
    """Return the `app_cert_sn` of our own certificate; raises `BadCertificate`."""
    certificates = _certificates(pem)
    if not certificates:
        raise BadCertificate("no application certificate")
    return serial_name(certificates[0])


def root_serial_name(pem: str) -> str:
    """Return the `alipay_root_cert_sn`: the names of all RSA roots, joined by "_".

    The bundle holds an SM2 root too, which `cryptography` cannot read and the name leaves out.
    """
    names = [
        serial_name(certificate)
        for certificate in _certificates(pem)
        if certificate.signature_algorithm_oid.dotted_string.startswith(_RSA_SIGNATURES)
    ]
    if not names:
        raise BadCertificate("no RSA root certificate")
    return "_".join(names)


def alipay_keys(pem: str) -> dict[str, RSAPublicKey]:
    """Return serial name → key of Alipay's certificates; two while one replaces the other."""
    keys: dict[str, RSAPublicKey] = {}
    for certificate in _certificates(pem):
        key = certificate.public_key()
        if isinstance(key, RSAPublicKey):
            keys[serial_name(certificate)] = key
    if not keys:
        raise BadCertificate("no RSA certificate of Alipay")
    return keys


def _certificates(pem: str) -> list[x509.Certificate]:
    found = []
    for block in _PEM.findall(pem):
        try:
            found.append(x509.load_pem_x509_certificate(block.encode()))
        except ValueError:
            log.debug("skipped a certificate that cannot be read")
    return found
