"""The published vector of Tencent Cloud's signature, by the product and by the sandbox."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from kit.tencent_cloud import CONTENT_TYPE, TencentKey
from sandbox.tencent_captcha import signature
from sandbox.tencent_captcha.signature import TencentError

VECTOR: Any = json.loads(
    (Path(__file__).parent / "tencent_cloud_tc3.json").read_text(encoding="utf-8")
)
AT = datetime.fromtimestamp(VECTOR["timestamp"], UTC)


class TestTc3:
    def test_the_product_signs_so(self) -> None:
        key = TencentKey(VECTOR["secret_id"], VECTOR["secret_key"])
        assert "Gu5t" not in repr(key)
        signed = key.authorize(
            service=VECTOR["service"],
            host=VECTOR["host"],
            payload=VECTOR["payload"].encode(),
            at=AT,
        )
        assert signed == VECTOR["authorization"]

    @pytest.mark.parametrize("is_genuine", [True, False])
    def test_the_sandbox_takes_just_that(
        self, monkeypatch: pytest.MonkeyPatch, *, is_genuine: bool
    ) -> None:
        monkeypatch.setattr(signature, "SERVICE", VECTOR["service"])
        headers = {
            "Authorization": VECTOR["authorization"],
            "X-TC-Timestamp": str(VECTOR["timestamp"]),
            "content-type": CONTENT_TYPE,
            "host": VECTOR["host"],
        }
        body = VECTOR["payload"].encode() + (b"" if is_genuine else b" ")
        names = {"secret_id": VECTOR["secret_id"], "secret_key": VECTOR["secret_key"]}
        if is_genuine:
            signature.check(headers, body, **names, now=AT)
        else:
            with pytest.raises(TencentError, match="SignatureFailure"):
                signature.check(headers, body, **names, now=AT)
