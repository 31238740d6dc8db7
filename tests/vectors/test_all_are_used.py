"""Every published vector that is kept here is reproduced by a test and holds something to test."""

import json
from pathlib import Path

import pytest

HERE = Path(__file__).parent
KEPT = sorted(file.stem for file in HERE.glob("*.json"))


class TestVectors:
    @pytest.mark.parametrize("name", KEPT)
    def test_are_named_by_a_test(self, name: str) -> None:
        tests = [file for file in HERE.parent.rglob("test_*.py") if file != Path(__file__)]
        assert any(name in file.read_text(encoding="utf-8") for file in tests)

    @pytest.mark.parametrize("name", KEPT)
    def test_say_where_they_come_from_and_hold_cases(self, name: str) -> None:
        told = json.loads((HERE / f"{name}.json").read_text(encoding="utf-8"))
        assert told.get("source") or told.get("_source")
        assert told.get("cases", ["one"])

    def test_cover_every_call_that_the_product_makes(self) -> None:
        assert set(KEPT) >= {
            "alipay_aes",
            "alipay_async_notify",
            "alipay_cert_sn",
            "alipay_sign_content_extraction",
            "alipay_sub_codes",
            "alipay_sync_response",
            "tencent_cloud_tc3",
            "wx_bizmsgcrypt",
            "wxpay_v3_aes_gcm",
            "wxpay_v3_java_keys",
            "wxpay_v3_notification_go",
            "wxpay_v3_official_doc_signatures",
            "wxpay_v3_rsa_sign_go",
        }
