"""Published vectors of messages that WeChat and WeCom push, opened by the product itself."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from wechatpy.enterprise.crypto import WeChatCrypto

from kit.pushed_messages import Envelope, MessageRejected, PushedMessages, texts_of_xml

VECTOR: dict[str, Any] = json.loads(
    (Path(__file__).parent / "wx_bizmsgcrypt.json").read_text(encoding="utf-8")
)


def opened(case: dict[str, Any], *, late: timedelta = timedelta(0)) -> str:
    messages = PushedMessages(
        token=VECTOR["token"], aes_key=VECTOR["aes_key"], receiver=VECTOR["receiver"]
    )
    envelope = Envelope(case["signature"], case["timestamp"], case["nonce"])
    now = datetime.fromtimestamp(int(case["timestamp"]), UTC) + late
    return messages.open(envelope, case["sealed"], now=now)


class TestPublished:
    def test_a_challenge_is_read(self) -> None:
        case = VECTOR["cases"][0]
        assert opened(case) == case["content"]

    def test_a_message_is_read(self) -> None:
        case = VECTOR["cases"][1]
        assert texts_of_xml(opened(case)) == case["texts"]

    @pytest.mark.parametrize("case", VECTOR["cases"])
    def test_a06_both_are_long_past(self, case: dict[str, Any]) -> None:
        with pytest.raises(MessageRejected) as rejected:
            opened(case, late=timedelta(minutes=5, seconds=1))
        assert rejected.value.reason == "stale"

    def test_the_library_reads_the_same(self) -> None:
        case = VECTOR["cases"][1]
        library = WeChatCrypto(VECTOR["token"], VECTOR["aes_key"], VECTOR["receiver"])
        body = f"<xml><Encrypt><![CDATA[{case['sealed']}]]></Encrypt></xml>"
        read = library.decrypt_message(body, case["signature"], case["timestamp"], case["nonce"])
        assert texts_of_xml(read) == case["texts"]
