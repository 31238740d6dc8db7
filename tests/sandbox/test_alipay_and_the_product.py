"""The product's own client against the strict gateway: what is wrong is refused, not overlooked."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from sandbox_alipay import OPEN_ID, form_of

import kit.alipay
from kit.alipay import AlipayApi, AlipayBusy, AlipayNoAnswer, AlipayRefused
from kit.money import Fen
from shop.members.alipay import AlipayMembers
from shop.members.platforms import CodeRefused, PlatformUnavailable
from shop.payments.alipay import AlipayGateway
from shop.payments.gateway import NoticeRejected, Refused, ResultUnknown, TradeState
from shop.payments.reading import LOCAL_TIME
from tests.contracts.gateways import make_alipay_api

QUERY = "alipay.trade.query"


@pytest.fixture
def api_of(sandbox_server):
    """The product's client with some of its files or names exchanged."""
    names = sandbox_server.credentials["alipay"]

    def make(**changes):
        values = {
            "app_id": names["app_id"],
            "app_private_key_pem": Path(names["app_private_key_file"]).read_text(),
            "app_cert_pem": Path(names["app_cert_file"]).read_text(),
            "alipay_cert_pem": Path(names["alipay_cert_file"]).read_text(),
            "alipay_root_cert_pem": Path(names["alipay_root_cert_file"]).read_text(),
            "base_url": sandbox_server.credentials["base_urls"]["alipay"],
            "timeout_seconds": 5,
        }
        return AlipayApi(**(values | changes))

    return make


@pytest.fixture
def gateway(sandbox_server, form_receiver):
    return AlipayGateway(
        make_alipay_api(sandbox_server),
        seller_id=sandbox_server.credentials["alipay"]["seller_id"],
        notify_url=form_receiver.url,
        timeout_seconds=5,
    )


def prepaid(gateway, number, **changes):
    now = datetime.now(UTC)
    wish = {
        "out_trade_no": number,
        "amount_fen": Fen(1000),
        "description": "团卡",
        "payer_ref": OPEN_ID,
        "expires_at": now + timedelta(hours=1),
        "now": now,
    }
    return gateway.prepay(**(wish | changes))


def refusal_of(api, *args, **kwargs):
    with pytest.raises(AlipayRefused) as refused:
        api.call(*args, **kwargs)
    return refused.value.code


def test_a_strangers_key_is_refused(api_of):
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = stranger.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    api = api_of(app_private_key_pem=pem)
    assert refusal_of(api, QUERY, {"out_trade_no": "T1"}) == "isv.invalid-signature"


def test_another_application_is_refused(api_of):
    api = api_of(app_id="2021000000000001")
    assert refusal_of(api, QUERY, {"out_trade_no": "T1"}) == "isv.invalid-app-id"


def test_other_certificates_are_refused(api_of, sandbox_server):
    names = sandbox_server.credentials["alipay"]
    app, alipay = (Path(names[f"{name}_cert_file"]).read_text() for name in ("app", "alipay"))
    wish = QUERY, {"out_trade_no": "T1"}
    assert refusal_of(api_of(app_cert_pem=alipay), *wish) == "isv.app-cert-not-exist"
    wrong = api_of(alipay_root_cert_pem=app)
    assert refusal_of(wrong, *wish) == "isv.invalid-alipay-root-cert-sn"


def test_a_clock_eight_hours_off_is_refused(api_of, monkeypatch):
    monkeypatch.setattr(kit.alipay, "utc_now", lambda: datetime.now(UTC) - timedelta(hours=8))
    assert refusal_of(api_of(), QUERY, {"out_trade_no": "T1"}) == "isv.invalid-timestamp"


def test_an_unknown_method_and_a_misspelled_field_are_refused(api_of):
    assert refusal_of(api_of(), "alipay.trade.qeury", {}) == "isv.invalid-method"
    code = refusal_of(api_of(), QUERY, {"outTradeNo": "T1"})
    assert code == "ACQ.INVALID_PARAMETER"


def test_answers_full_of_braces_are_read(sandbox_server, gateway):
    sandbox_server.post("settings", {"alipay_awkward_share": 1})
    prepaid(gateway, "T000001")
    assert gateway.query(out_trade_no="T000000").state is TradeState.MISSING


def test_an_unknown_certificate_of_alipay_is_not_trusted(sandbox_server, api_of):
    sandbox_server.post("settings", {"alipay_certificate": "next"})
    with pytest.raises(AlipayNoAnswer, match="unknown certificate"):
        api_of().call(QUERY, {"out_trade_no": "T1"})
    names = sandbox_server.credentials["alipay"]
    current = Path(names["alipay_cert_file"])
    both = current.read_text() + current.with_name("alipay_next_cert.pem").read_text()
    assert refusal_of(api_of(alipay_cert_pem=both), QUERY, {"out_trade_no": "T1"}) == (
        "ACQ.TRADE_NOT_EXIST"
    )


def test_a_limited_call_and_a_broken_proxy_are_told_apart(sandbox_server, api_of):
    fault = {"target": "alipay.trade_query", "kind": "error"}
    sandbox_server.post("faults", fault | {"code": "isv.method-call-limited"})
    with pytest.raises(AlipayBusy):
        api_of().call(QUERY, {"out_trade_no": "T1"})
    sandbox_server.post("faults", fault | {"status": 502})
    with pytest.raises(AlipayNoAnswer):
        api_of().call(QUERY, {"out_trade_no": "T1"})


def test_a_trade_for_an_unknown_person_or_amount_is_refused(gateway):
    for changes in ({"payer_ref": "nobody"}, {"amount_fen": Fen(10_000_000_001)}):
        with pytest.raises(Refused):
            prepaid(gateway, "T000002", **changes)


def test_a_refund_that_takes_its_time_is_processing_then_done(sandbox_server, gateway):
    settings = {"alipay_refund_outcome": "later", "refund_processing_seconds": 60}
    sandbox_server.post("settings", settings)
    prepay = prepaid(gateway, "T000003")
    sandbox_server.post("alipay/pay", {"trade_no": prepay.platform_ref})
    result = gateway.refund(
        out_trade_no="T000003",
        out_refund_no="R000003",
        refund_fen=Fen(100),
        total_fen=Fen(1000),
        reason="member",
    )
    assert result.state.value == "processing"
    told = gateway.query_refund(out_trade_no="T000003", out_refund_no="R000003")
    assert told.state.value == "missing"


def test_a_seller_without_money_is_refused(sandbox_server, gateway):
    sandbox_server.post("settings", {"alipay_balance_fen": 0})
    prepay = prepaid(gateway, "T000004")
    sandbox_server.post("alipay/pay", {"trade_no": prepay.platform_ref})
    with pytest.raises(Refused) as refused:
        gateway.refund(
            out_trade_no="T000004",
            out_refund_no="R000004",
            refund_fen=Fen(100),
            total_fen=Fen(1000),
            reason="member",
        )
    assert refused.value.code == "ACQ.SELLER_BALANCE_NOT_ENOUGH"


def test_without_rsa_the_product_trusts_nothing(sandbox_server, gateway):
    sandbox_server.post("settings", {"require_rsa": False})
    with pytest.raises(ResultUnknown):
        gateway.query(out_trade_no="T000005")


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        ({"key": "stranger"}, "bad_signature"),
        ({"unsigned": {"total_amount": "0.01"}}, "bad_signature"),
        ({"without": ["sign"]}, "unsigned"),
        ({"sign_type": "RSA"}, "algorithm"),
        ({"fields": {"app_id": "2021000000000001"}}, "foreign_app_id"),
        ({"fields": {"seller_id": "2088000000000001"}}, "foreign_seller_id"),
        ({"fields": {"total_amount": "1e3"}}, "malformed"),
        ({"twice": {"total_amount": "0.01"}}, "malformed"),
    ],
    ids=str,
)
def test_a_forged_notice_is_rejected(sandbox_server, gateway, form_receiver, order, reason):
    prepay = prepaid(gateway, "T000006")
    paid = sandbox_server.post("alipay/pay", {"trade_no": prepay.platform_ref})
    form_receiver.wait_for(1)
    sandbox_server.post("alipay/forge", {"notice_id": paid["notice_id"]} | order)
    _, body = form_receiver.got[-1]
    with pytest.raises(NoticeRejected) as rejected:
        gateway.read_notice(headers={}, body=body, now=datetime.now(UTC))
    assert rejected.value.reason == reason


def test_a_trade_that_was_closed_unpaid_is_told_as_closed(gateway, form_receiver):
    prepaid(gateway, "T000007")
    gateway.close(out_trade_no="T000007")
    form_receiver.wait_for(1)
    [(_, body)] = form_receiver.got
    notice = gateway.read_notice(headers={}, body=body, now=datetime.now(UTC))
    assert notice.trade.state is TradeState.CLOSED
    assert dict(form_of(body))["gmt_close"][:4] == datetime.now(UTC).strftime(LOCAL_TIME)[:4]


def test_a_failed_phone_blob_is_told_apart_from_a_false_one(sandbox_server):
    members = AlipayMembers(
        make_alipay_api(sandbox_server), aes_key=sandbox_server.credentials["alipay"]["aes_key"]
    )
    url = f"{sandbox_server.url}/sandbox/alipay/phone-blobs"
    now = datetime.now(UTC)
    failed = requests.post(url, json={"failure": "isv.insufficient-isv-permissions"}, timeout=5)
    with pytest.raises(PlatformUnavailable):
        members.phone_number(credential=failed.text, now=now)
    blob = requests.post(url, json={"phone": "852-51234567"}, timeout=5)
    assert members.phone_number(credential=blob.text, now=now) == "+85251234567"
    with pytest.raises(CodeRefused):
        members.phone_number(credential=blob.text.replace('"sign":"', '"sign":"A'), now=now)
