"""Certificates that cannot be used are refused when they are loaded."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from kit.alipay_certificates import (
    BadCertificate,
    alipay_keys,
    application_serial_name,
    root_serial_name,
)
from tests.doubles.keys import certificate, key


def curve_certificate() -> str:
    """Return a certificate with a key that is no RSA key, signed by itself."""
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Curve")])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(9)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .sign(private, SHA256())
    )
    return built.public_bytes(Encoding.PEM).decode()


@pytest.mark.parametrize("text", ["", "x", "-----BEGIN CERTIFICATE-----\nAAAA\n"])
def test_what_is_no_certificate_is_refused(text: str) -> None:
    for load in (application_serial_name, root_serial_name, alipay_keys):
        with pytest.raises(BadCertificate):
            load(text)


def test_other_kinds_of_keys_are_left_out() -> None:
    ours = certificate(key("alipay").public_key(), serial=7)
    assert root_serial_name(curve_certificate() + ours) == root_serial_name(ours)
    assert alipay_keys(curve_certificate() + ours).keys() == alipay_keys(ours).keys()
    for load in (root_serial_name, alipay_keys):
        with pytest.raises(BadCertificate):
            load(curve_certificate())


def test_two_certificates_have_two_names() -> None:
    both = certificate(key("alipay").public_key(), serial=7) + certificate(
        key("alipay-next").public_key(), serial=8
    )
    assert len(alipay_keys(both)) == 2
    assert "_" in root_serial_name(both)
