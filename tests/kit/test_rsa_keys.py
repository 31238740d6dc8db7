"""Keys in every form merchants have them."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from kit.rsa_keys import BadKey, load_private_key, load_public_key, pkcs8_pem, public_pem
from tests.doubles.keys import key, pkcs1_text, private_text, public_text


def bare(pem: str) -> str:
    return "".join(line for line in pem.splitlines() if "-----" not in line)


def test_every_form_is_the_same_key() -> None:
    numbers = key("merchant").private_numbers()
    for text in (
        private_text("merchant"),
        pkcs1_text("merchant"),
        bare(private_text("merchant")),
        bare(pkcs1_text("merchant")),
        "\n  " + private_text("merchant") + "\n",
    ):
        loaded = load_private_key(text)
        assert loaded.private_numbers() == numbers
        assert pkcs8_pem(loaded).startswith("-----BEGIN PRIVATE KEY-----")
    for text in (public_text("merchant"), bare(public_text("merchant"))):
        assert load_public_key(text).public_numbers() == numbers.public_numbers
        assert public_pem(load_public_key(text)).startswith("-----BEGIN PUBLIC KEY-----")


def pem(private: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.mark.parametrize("text", ["", "x", "-----BEGIN PRIVATE KEY-----\nabc\n", "é" * 9])
def test_what_is_no_key_is_refused_without_showing_it(text: str) -> None:
    for load in (load_private_key, load_public_key):
        with pytest.raises(BadKey) as bad:
            load(text)
        assert not text or text not in str(bad.value)


def test_other_kinds_and_short_keys_are_refused() -> None:
    short = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    curve = ec.generate_private_key(ec.SECP256R1())
    for refused in (short, curve):
        with pytest.raises(BadKey):
            load_private_key(pem(refused))
    with pytest.raises(BadKey):
        load_public_key(public_pem(short.public_key()))
