"""Published vectors of WeChat Pay v3, reproduced through the product's own gateway."""

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from wechatpayv3.utils import aes_decrypt, build_authorization, rsa_sign, rsa_verify

from kit.rsa_keys import load_private_key, load_public_key, public_pem
from shop.payments.gateway import NoticeRejected
from shop.payments.wechat_pay import WechatPayGateway
from shop.payments.wechat_pay_client import MerchantKeys, PayClient
from tests.doubles.keys import private_text, public_text

HERE = Path(__file__).parent
SIGNATURE_TYPE = "WECHATPAY2-SHA256-RSA2048"


def vector(name: str) -> Any:
    return json.loads((HERE / f"{name}.json").read_text(encoding="utf-8"))


def key_of(certificate_pem: str) -> RSAPublicKey:
    key = x509.load_pem_x509_certificate(certificate_pem.encode()).public_key()
    assert isinstance(key, RSAPublicKey)
    return key


def client_with(private_key_pem: str, public_keys: dict[str, str] | None = None) -> PayClient:
    keys = MerchantKeys(
        app_id="wx2421b1c4370ec43b",
        mch_id="1900007291",
        merchant_serial="408B07E79B8269FEC3D5D3E6AB8ED163A6A380DB",
        merchant_private_key_pem=private_key_pem,
        api_v3_key="a7cde1ZJB1kG2e7VfTs3jQzaWizur8Gb",
        public_keys=public_keys or {"PUB_KEY_ID_1": public_text("platform")},
    )
    return PayClient(
        keys, base_url="http://127.0.0.1:9", notify_url="https://a.example/", timeout_seconds=1
    )


class TestOfficialDocument:
    def test_signs_the_request(self) -> None:
        doc = vector("wxpay_v3_official_doc_signatures")
        asked = doc["request"]
        at = datetime.fromtimestamp(int(asked["timestamp"]), UTC)
        with time_machine.travel(at, tick=False):
            header = build_authorization(
                asked["url"],
                asked["method"],
                doc["mchid"],
                doc["serial_no"],
                load_private_key(doc["private_key_pkcs8_pem"]),
                data=asked["body"],
                nonce_str=asked["nonce"],
            )
        assert header == asked["expect_authorization"]
        assert asked["expect_signature_b64"] in header

    def test_signs_what_the_mini_program_pays_with(self) -> None:
        doc = vector("wxpay_v3_official_doc_signatures")
        signer = client_with(doc["private_key_pkcs8_pem"])
        assert (
            signer.sign(doc["pay_sign"]["jsapi_lines"]) == doc["pay_sign"]["expect_jsapi_paySign"]
        )
        assert signer.sign(doc["pay_sign"]["app_lines"]) == doc["pay_sign"]["expect_app_sign"]

    def test_verifies_the_real_answer_and_nothing_near_it(self) -> None:
        doc = vector("wxpay_v3_official_doc_signatures")
        real = doc["response"]
        pinned = {"PUB_KEY_ID_9": real["wechatpay_public_key_pem"]}
        core = client_with(doc["private_key_pkcs8_pem"], pinned).core
        headers = {
            "Wechatpay-Timestamp": real["timestamp"],
            "Wechatpay-Nonce": real["nonce"],
            "Wechatpay-Signature": real["signature_b64"],
            "Wechatpay-Serial": "PUB_KEY_ID_9",
            "Wechatpay-Signature-Type": SIGNATURE_TYPE,
        }
        assert core.is_signed(headers, real["body"])
        assert not core.is_signed(headers, real["body"] + " ")
        assert not core.is_signed(headers | {"Wechatpay-Nonce": "0"}, real["body"])


class TestOfficialSdks:
    def test_go_signature(self) -> None:
        case = vector("wxpay_v3_rsa_sign_go")
        key = load_private_key(case["private_key_pkcs8_pem"])
        assert rsa_sign(key, case["message"]) == case["expect_signature_b64"]

    def test_java_signature_verifies_with_the_merchants_key_alone(self) -> None:
        case = vector("wxpay_v3_java_keys")
        told = case["sign_case"]
        signer = load_private_key(case["merchant_private_key_pem"])
        assert rsa_sign(signer, told["message"]) == told["signature_b64"]
        assert signer.public_key().public_numbers() == (
            key_of(case["merchant_certificate_pem"]).public_numbers()
        )
        platform = load_public_key(case["platform_public_key_pem"])
        # The library's message has the lines of an answer, so this signature fits none.
        assert not rsa_verify("message", "", "", told["signature_b64"], platform)

    @pytest.mark.parametrize("case", vector("wxpay_v3_aes_gcm")["cases"], ids=lambda c: c["name"])
    def test_aes_gcm_opens_only_with_its_associated_data(self, case: dict[str, str]) -> None:
        sealed, bound_to = case["ciphertext_b64"], case["associated_data"]
        key, nonce = case["apiv3_key"], case["nonce"]
        assert aes_decrypt(nonce, sealed, bound_to, key) == case["plaintext"]
        assert aes_decrypt(nonce, sealed, "bad-" + bound_to, key) is None
        made = AESGCM(key.encode()).encrypt(
            nonce.encode(), case["plaintext"].encode(), bound_to.encode()
        )
        assert base64.b64encode(made).decode() == sealed


class TestGoNotification:
    """A whole notice of the official Go SDK, through the gateway."""

    def gateway(self) -> WechatPayGateway:
        case = vector("wxpay_v3_notification_go")
        return WechatPayGateway(
            app_id="wx1",
            mch_id="1234567890",
            merchant_serial="1",
            merchant_private_key_pem=private_text("merchant"),
            api_v3_key=case["apiv3_key"],
            public_key_id=case["headers"]["Wechatpay-Serial"],
            public_key_pem=public_pem(key_of(case["platform_certificate_pem"])),
            base_url="http://127.0.0.1:9",
            notify_url="https://a.example/",
            refund_notify_url="https://a.example/",
            timeout_seconds=1,
        )

    def read(self, *, body: str | None = None, later: timedelta = timedelta(0)) -> Any:
        case = vector("wxpay_v3_notification_go")
        return self.gateway().read_notice(
            # The vector is of 2021, before the platform named the type in a header.
            headers=case["headers"] | {"Wechatpay-Signature-Type": SIGNATURE_TYPE},
            body=(case["body"] if body is None else body).encode(),
            now=datetime.fromtimestamp(case["clock"], UTC) + later,
        )

    def test_is_authentic(self) -> None:
        notice = self.read()
        assert notice.kind == "PAYSCORE.USER_OPEN_SERVICE"
        assert notice.notice_id == json.loads(vector("wxpay_v3_notification_go")["body"])["id"]
        assert (notice.trade, notice.refund) == (None, None)

    def test_opens_to_the_published_plaintext(self) -> None:
        case = vector("wxpay_v3_notification_go")
        sealed = json.loads(case["body"])["resource"]
        assert (
            aes_decrypt(
                sealed["nonce"],
                sealed["ciphertext"],
                sealed["associated_data"],
                case["apiv3_key"],
            )
            == case["expect_plaintext"]
        )

    def test_is_refused_when_a_byte_follows(self) -> None:
        with pytest.raises(NoticeRejected, match="bad_signature"):
            self.read(body=vector("wxpay_v3_notification_go")["body"] + " ")

    def test_is_refused_after_five_minutes(self) -> None:
        self.read(later=timedelta(seconds=300))
        with pytest.raises(NoticeRejected, match="stale"):
            self.read(later=timedelta(seconds=301))
