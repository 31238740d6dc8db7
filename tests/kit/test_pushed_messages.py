"""Messages that platforms push: what is authentic, fresh and for us, and nothing else."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from kit.pushed_messages import (
    Envelope,
    MessageRejected,
    PushedMessages,
    texts_of_json,
    texts_of_xml,
)
from sandbox.pushes import Address, new_names

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
NAMES = new_names()
TOKEN, AES_KEY, RECEIVER = NAMES["callback_token"], NAMES["callback_aes_key"], "ww0123456789abcdef"
ADDRESS = Address(TOKEN, AES_KEY, RECEIVER)
TEXT = "<xml><Event>团</Event></xml>"


@pytest.fixture
def messages() -> PushedMessages:
    return PushedMessages(token=TOKEN, aes_key=AES_KEY, receiver=RECEIVER)


def envelope_of(sealed: str, *, now: datetime = NOW, **changes: str) -> Envelope:
    return Envelope.of(ADDRESS.query(sealed, now) | changes)


def reason(messages: PushedMessages, envelope: Envelope, sealed: str, now: datetime = NOW) -> str:
    with pytest.raises(MessageRejected) as rejected:
        messages.open(envelope, sealed, now=now)
    return rejected.value.reason


def sealed_raw(plain: bytes) -> str:
    """Seal bytes as they are, with no envelope of any kind."""
    key = base64.b64decode(f"{AES_KEY}=")
    encryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
    return base64.b64encode(encryptor.update(plain) + encryptor.finalize()).decode()


class TestOpen:
    @pytest.mark.parametrize("text", [TEXT, "", "x" * 31, "团" * 5000])
    def test_reads_what_the_platform_sealed(self, messages: PushedMessages, text: str) -> None:
        sealed = ADDRESS.sealed(text)
        assert messages.open(envelope_of(sealed), sealed, now=NOW) == text

    @pytest.mark.parametrize("name", ["msg_signature", "timestamp", "nonce"])
    def test_a01_refuses_what_is_unsigned(self, messages: PushedMessages, name: str) -> None:
        sealed = ADDRESS.sealed(TEXT)
        assert reason(messages, envelope_of(sealed, **{name: ""}), sealed) == "unsigned"

    def test_a02_refuses_every_changed_letter(self, messages: PushedMessages) -> None:
        sealed = ADDRESS.sealed(TEXT)
        envelope = envelope_of(sealed)
        for at, letter in enumerate(sealed):
            changed = sealed[:at] + ("A" if letter != "A" else "B") + sealed[at + 1 :]
            assert reason(messages, envelope, changed) == "bad_signature"

    @pytest.mark.parametrize(
        "changes", [{"nonce": "1"}, {"timestamp": "1795176001"}, {"msg_signature": "0" * 40}]
    )
    def test_a01_refuses_another_envelope(
        self, messages: PushedMessages, changes: dict[str, str]
    ) -> None:
        sealed = ADDRESS.sealed(TEXT)
        assert reason(messages, envelope_of(sealed, **changes), sealed) == "bad_signature"

    @pytest.mark.parametrize("late", [timedelta(minutes=-5, seconds=-1), timedelta(seconds=301)])
    def test_a06_refuses_what_is_not_fresh(self, messages: PushedMessages, late: timedelta) -> None:
        sealed = ADDRESS.sealed(TEXT)
        assert reason(messages, envelope_of(sealed, now=NOW - late), sealed) == "stale"
        assert messages.open(envelope_of(sealed, now=NOW - late * 0.99), sealed, now=NOW) == TEXT

    def test_a15_refuses_what_is_for_another(self, messages: PushedMessages) -> None:
        sealed = Address(TOKEN, AES_KEY, "ww0000000000000000").sealed(TEXT)
        assert reason(messages, envelope_of(sealed), sealed) == "foreign_receiver"

    @pytest.mark.parametrize(
        "plain",
        [
            b"r" * 16 + (2**31).to_bytes(4, "big") + b"x" * 43 + b"\x01",
            b"r" * 10 + bytes([22]) * 22,
            b"r" * 31 + b"\x00",
            b"r" * 31 + b"\x21",
            b"r" * 16 + (3).to_bytes(4, "big") + b"\xff\xfe\xfd" + bytes([9]) * 9,
        ],
    )
    def test_a21_refuses_what_is_sealed_otherwise(
        self, messages: PushedMessages, plain: bytes
    ) -> None:
        sealed = sealed_raw(plain)
        assert reason(messages, envelope_of(sealed), sealed) == "undecryptable"

    @pytest.mark.parametrize("sealed", ["!", "QUJD", "团", "QUJDREVGR0hJSktMTU5PUA=="])
    def test_refuses_what_is_no_ciphertext(self, messages: PushedMessages, sealed: str) -> None:
        assert reason(messages, envelope_of(sealed), sealed) == "undecryptable"

    def test_refuses_a_time_that_is_none(self, messages: PushedMessages) -> None:
        sealed = ADDRESS.sealed(TEXT)
        for timestamp in ("soon", "-1", "1e9", "9" * 12):
            envelope = envelope_of(sealed, timestamp=timestamp)
            assert reason(messages, envelope, sealed) == "malformed"

    def test_l187_shows_nothing(self, messages: PushedMessages) -> None:
        assert TOKEN not in repr(messages)


class TestKeys:
    @pytest.mark.parametrize(
        "change",
        [
            {"token": ""},
            {"receiver": ""},
            {"aes_key": ""},
            {"aes_key": "a" * 42},
            {"aes_key": "!" * 43},
        ],
    )
    def test_a17_weak_ones_are_refused(self, change: dict[str, str]) -> None:
        good = {"token": TOKEN, "aes_key": AES_KEY, "receiver": RECEIVER}
        with pytest.raises(ValueError, match=r"EncodingAESKey|empty"):
            PushedMessages(**(good | change))


class TestGreet:
    def query(self, messages: PushedMessages, **changes: str) -> dict[str, str]:
        told = {"timestamp": str(int(NOW.timestamp())), "nonce": "77", "echostr": "5527"} | changes
        return {"signature": messages.sign(told["timestamp"], told["nonce"])} | told

    def test_returns_what_came(self, messages: PushedMessages) -> None:
        assert messages.greet(self.query(messages), now=NOW) == "5527"

    @pytest.mark.parametrize(
        ("changes", "why"),
        [
            ({"echostr": "<b>"}, "malformed"),
            ({"echostr": ""}, "unsigned"),
            ({"timestamp": "1"}, "stale"),
        ],
    )
    def test_refuses_the_rest(
        self, messages: PushedMessages, changes: dict[str, str], why: str
    ) -> None:
        with pytest.raises(MessageRejected, match=why):
            messages.greet(self.query(messages, **changes), now=NOW)
        with pytest.raises(MessageRejected, match="bad_signature"):
            messages.greet(self.query(messages) | {"signature": "0" * 40}, now=NOW)


class TestReading:
    def test_takes_the_first_level(self) -> None:
        text = "<xml><A><![CDATA[团]]></A><List><Item>x</Item></List><N>1</N></xml>"
        assert texts_of_xml(text) == {"A": "团", "List": "", "N": "1"}

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "<xml>",
            "<html></html>",
            "<xml><A>1</A><A>2</A></xml>",
            '<!DOCTYPE xml [<!ENTITY a "x">]><xml><A>&a;</A></xml>',
            '<!DOCTYPE xml SYSTEM "http://127.0.0.1/x"><xml/>',
            "<xml><A>&a;</A></xml>",
            "<xml>" + "x" * 1_000_001,
        ],
    )
    def test_i139_refuses_other_documents(self, text: str) -> None:
        for body in (text, text.encode()):
            with pytest.raises(MessageRejected, match="malformed"):
                texts_of_xml(body)

    def test_refuses_an_encoding_that_nobody_knows(self) -> None:
        with pytest.raises(MessageRejected, match="malformed"):
            texts_of_xml(b'<?xml version="1.0" encoding="nonsense"?><xml/>')

    @pytest.mark.parametrize("body", [b"", b"[]", b"1", b"\xff", b"[" * 100_000, b"{" * 3])
    def test_refuses_what_is_no_object(self, body: Any) -> None:
        with pytest.raises(MessageRejected, match="malformed"):
            texts_of_json(body)
