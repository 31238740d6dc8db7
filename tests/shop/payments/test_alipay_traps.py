"""Each trap of python-alipay-sdk that our calls touch, and the proof that it does not bite."""

import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
import time_machine

from kit.alipay import AlipayNoAnswer, AlipayRefused
from kit.alipay_certificates import BadCertificate, application_serial_name
from kit.money import Fen
from shop.payments.gateway import (
    NoticeRejected,
    Refused,
    ResultUnknown,
)
from tests.doubles.alipay import (
    NUMBER,
    OPEN_ID,
    REFUND_NUMBER,
    TRADE_NO,
    alipay_certificate,
    asked_for,
    failed,
    make_api,
    make_gateway,
    notice_body,
    notice_fields,
    ok,
    sign,
    signed,
)
from tests.doubles.http import Answer, ScriptedServer
from tests.doubles.keys import pkcs1_text

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
ROOT = Path(__file__).parents[3]
PAID = ok(
    out_trade_no=NUMBER,
    trade_no=TRADE_NO,
    trade_status="TRADE_SUCCESS",
    total_amount="10.50",
    buyer_open_id=OPEN_ID,
    send_pay_date="2026-11-20 19:59:58",
)


def prepay(server: ScriptedServer) -> object:
    return make_gateway(server).prepay(
        out_trade_no=NUMBER,
        amount_fen=Fen(1050),
        description="团卡 a/b=c&d\n\x00 元",
        payer_ref=OPEN_ID,
        expires_at=NOW,
        now=NOW,
    )


def test_trap_a1_the_timestamp_is_beijing_time_on_any_machine(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answer = signed(PAID)
    try:
        for zone in ("UTC", "America/New_York", "Asia/Shanghai"):
            monkeypatch.setenv("TZ", zone)
            time.tzset()
            with time_machine.travel(datetime(2026, 11, 20, 18, 30, 5, tzinfo=UTC), tick=False):
                make_gateway(server).query(out_trade_no=NUMBER)
            assert asked_for(server.asked[-1])["timestamp"] == "2026-11-21 02:30:05"
    finally:
        monkeypatch.undo()
        time.tzset()


def test_trap_a2_calls_are_posts_and_only_common_parameters_are_in_the_url(
    server: ScriptedServer,
) -> None:
    server.answer = signed(ok(out_trade_no=NUMBER, trade_no=TRADE_NO))
    prepay(server)
    asked = server.asked[0]
    assert asked.method == "POST"
    query = dict(parse_qsl(urlsplit(asked.target).query))
    assert set(query) == {
        "app_id",
        "method",
        "format",
        "charset",
        "sign_type",
        "timestamp",
        "version",
        "app_cert_sn",
        "alipay_root_cert_sn",
        "sign",
    }
    assert OPEN_ID not in asked.target
    server.answer = signed({"open_id": OPEN_ID})
    make_api(server).call(
        "alipay.system.oauth.token", grant_type="authorization_code", code="one-time"
    )
    assert "one-time" not in server.asked[-1].target


def test_trap_a2_a_long_request_is_no_long_url(server: ScriptedServer) -> None:
    server.answer = signed(ok())
    make_api(server).call("alipay.pass.template.add", {"tpl_content": "x" * 70_000})
    assert len(server.asked[0].target) < 2000


@pytest.mark.parametrize(
    "text",
    [
        '{"code":"10000","msg":"a}b{c\\"}"}',
        '{"code" : "10000" ,\n "msg":"}}}}"}',
        '{"code":"10000","msg":"alipay_trade_query_response\\":{"}',
    ],
)
def test_trap_a3_braces_inside_strings_do_not_break_the_signature(
    server: ScriptedServer, text: str
) -> None:
    server.answer = signed(None, text=text)
    assert make_api(server).call("alipay.trade.query")["msg"] == json.loads(text)["msg"]


def test_trap_a3_a_name_that_comes_twice_is_no_answer(server: ScriptedServer) -> None:
    good = json.dumps(PAID)
    text = f'{{"alipay_trade_query_response":{good},"sign":"{sign(good)}","sign":"x"}}'
    server.answer = lambda _: Answer(200, text.encode())
    with pytest.raises(AlipayNoAnswer):
        make_api(server).call("alipay.trade.query")


@pytest.mark.parametrize("signature", ["A", "", "====", "团", "x" * 4000, " "])
def test_trap_a4_odd_signatures_are_false_not_errors(
    server: ScriptedServer, signature: str
) -> None:
    api = make_api(server)
    fields = notice_fields() | {"sign": signature, "sign_type": "RSA2"}
    before = dict(fields)
    assert api.is_authentic(fields) is False
    assert fields == before
    assert api.is_authentic({name: v for name, v in fields.items() if name != "sign"}) is False


@pytest.mark.parametrize("sign_type", ["RSA", "MD5", "none", "", "rsa2"])
def test_trap_a4_a19_the_algorithm_is_ours_not_the_messages(
    server: ScriptedServer, sign_type: str
) -> None:
    body = notice_body(notice_fields(), sign_type=sign_type)
    with pytest.raises(NoticeRejected) as rejected:
        make_gateway(server).read_notice(headers={}, body=body, now=NOW)
    assert rejected.value.reason == "algorithm"


@pytest.mark.parametrize("junk", ["x", "!", " ", "\n", "=", "===="])
def test_trap_a5_junk_after_a_signature_makes_it_another(server: ScriptedServer, junk: str) -> None:
    api = make_api(server)
    assert api.is_signed("text", sign("text"))
    assert not api.is_signed("text", sign("text") + junk)
    assert not api.is_signed("text", junk + sign("text"))


def test_trap_a6_an_unsigned_error_on_create_is_a_plain_refusal(server: ScriptedServer) -> None:
    node = failed("isv.invalid-app-id", code="40002")
    server.answer = signed(node, signature=None, serial=None)
    with pytest.raises(Refused) as refusal:
        prepay(server)
    assert refusal.value.code == "isv.invalid-app-id"


def test_trap_a7_importing_leaves_the_handlers_of_logging_alone(tmp_path: Path) -> None:
    """In a process of its own, since an import happens once."""
    program = (
        "import logging, sys\n"
        "handler = logging.FileHandler(sys.argv[1]); root = logging.getLogger()\n"
        "root.addHandler(handler); stream = handler.stream\n"
        "import kit.alipay\n"
        "assert handler.stream is stream and not stream.closed\n"
        "assert logging.getLogger('python-alipay-sdk').handlers == []\n"
        "assert root.handlers == [handler]\n"
        "root.error('still here')\n"
    )
    log_file = tmp_path / "log"
    subprocess.run(
        [sys.executable, "-c", program, str(log_file)],
        check=True,
        cwd=ROOT,
        timeout=60,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert "still here" in log_file.read_text()


def test_trap_a8_the_notify_url_is_named_for_trades_and_refunds(server: ScriptedServer) -> None:
    server.answer = signed(ok(out_trade_no=NUMBER, trade_no=TRADE_NO))
    prepay(server)
    server.answer = signed(ok(out_trade_no=NUMBER, fund_change="N"))
    make_gateway(server).refund(
        out_trade_no=NUMBER,
        out_refund_no=REFUND_NUMBER,
        refund_fen=Fen(1),
        total_fen=Fen(2),
        reason="x",
    )
    urls = {asked_for(asked)["notify_url"] for asked in server.asked}
    assert urls == {"https://shop.example/callbacks/alipay"}


def test_trap_a9_root_certificates_need_no_blank_lines_and_are_never_none(
    server: ScriptedServer,
) -> None:
    root = json.loads((ROOT / "tests/vectors/alipay_cert_sn.json").read_text(encoding="utf-8"))
    for text in (
        root["root_cert_pem"],
        root["root_cert_pem"].replace("\r\n", "\n").replace("\n\n", "\n"),
        root["root_cert_pem"].replace("\r\n", "\n").replace("\n", "\r\n"),
    ):
        server.answer = signed(ok())
        make_api(server, alipay_root_cert_pem=text).call("alipay.trade.query")
        assert asked_for(server.asked[-1])["alipay_root_cert_sn"] == root["root_cert_sn"]
    with pytest.raises(BadCertificate):
        make_api(server, alipay_root_cert_pem="")


def test_trap_a10_an_unknown_certificate_is_an_alarm_and_no_answer(
    server: ScriptedServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.answer = signed(ok(), serial="00112233445566778899aabbccddeeff")
    with pytest.raises(AlipayNoAnswer, match="unknown certificate"):
        make_api(server).call("alipay.trade.query")
    assert "load the new one" in caplog.text


def test_trap_a10_a30_both_certificates_count_while_one_replaces_the_other(
    server: ScriptedServer,
) -> None:
    both = alipay_certificate() + alipay_certificate("alipay-next")
    api = make_api(server, alipay_cert_pem=both)
    server.answer = signed(ok())
    api.call("alipay.trade.query")
    serial = application_serial_name(alipay_certificate("alipay-next"))
    server.answer = signed(ok(), key_name="alipay-next", serial=serial)
    api.call("alipay.trade.query")
    # The name of one certificate with the key of the other fits neither.
    server.answer = signed(ok(), serial=serial)
    with pytest.raises(AlipayNoAnswer, match="bad signature"):
        api.call("alipay.trade.query")


def test_trap_a12_a_success_without_a_signature_is_no_answer(server: ScriptedServer) -> None:
    server.answer = signed(PAID, signature=None)
    with pytest.raises(ResultUnknown):
        make_gateway(server).query(out_trade_no=NUMBER)
    server.answer = signed(failed("ACQ.TRADE_NOT_EXIST"), signature=None)
    with pytest.raises(ResultUnknown):
        make_gateway(server).query(out_trade_no=NUMBER)


def test_trap_a13_no_deprecated_call_is_made(server: ScriptedServer) -> None:
    """The suite turns warnings into errors; keys of both PEM forms load without one."""
    make_api(server)
    make_api(server, app_private_key_pem=pkcs1_text("app"))


def test_trap_an_unsigned_refusal_counts_only_for_the_gateway_itself(
    server: ScriptedServer,
) -> None:
    node = failed("isv.invalid-signature", code="40002")
    server.answer = signed(node, name="error_response", signature=None, serial=None)
    with pytest.raises(AlipayRefused):
        make_api(server).call("alipay.trade.query")
    node = failed("isp.unknow-error", code="20000")
    server.answer = signed(node, name="error_response", signature=None, serial=None)
    with pytest.raises(AlipayNoAnswer):
        make_api(server).call("alipay.trade.query")
