"""Alipay's gate: every way of not being the application's own fresh request is refused."""

import json
import re
import stat
from pathlib import Path

import pytest
from cryptography.x509 import load_pem_x509_certificate
from sandbox_alipay import read_certificates, root_serial_name, serial_name, stamp

from sandbox import alipay_keys

QUERY = "alipay.trade.query"
CONTENT = {"out_trade_no": "T123456"}
VECTORS = Path(__file__).resolve().parents[1] / "vectors"


@pytest.mark.parametrize("http", ["GET", "POST"])
def test_a_request_signed_as_documented_gets_through(alipay, http):
    answer = alipay.call(QUERY, CONTENT, http=http)
    assert answer.name == "alipay_trade_query_response"
    assert alipay.refused(answer, "ACQ.TRADE_NOT_EXIST")


@pytest.mark.parametrize(
    ("changes", "sub_code"),
    [
        ({"app_id": "2021000000000001"}, "isv.invalid-app-id"),
        ({"method": "alipay.trade.qeury"}, "isv.invalid-method"),
        ({"format": "XML"}, "isv.invalid-format"),
        ({"charset": "gbk"}, "isv.invalid-charset"),
        ({"charset": None}, "isv.invalid-charset"),
        ({"sign_type": "RSA"}, "isv.invalid-signature-type"),
        ({"version": "2.0"}, "isv.invalid-parameter"),
        ({"timestamp": "2026-11-24T10:00:00"}, "isv.invalid-timestamp"),
        ({"timestamp": "2026-13-24 10:00:00"}, "isv.invalid-timestamp"),
        ({"app_cert_sn": "0" * 32}, "isv.app-cert-not-exist"),
        ({"alipay_root_cert_sn": "0" * 32}, "isv.invalid-alipay-root-cert-sn"),
        ({"encrypt_type": "AES"}, "isv.invalid-encrypt-type"),
        ({"app_auth_token": "202611BB"}, "isv.not-support-app-auth"),
    ],
    ids=str,
)
def test_a_wrong_parameter_is_turned_away(alipay, changes, sub_code):
    assert alipay.turned_away(alipay.call(QUERY, CONTENT, **changes), sub_code)


@pytest.mark.parametrize(
    ("name", "sub_code"),
    [
        ("app_id", "isv.missing-app-id"),
        ("method", "isv.missing-method"),
        ("sign_type", "isv.missing-signature-type"),
        ("timestamp", "isv.missing-timestamp"),
        ("version", "isv.missing-version"),
        ("app_cert_sn", "isv.missing-app-cert-sn"),
        ("alipay_root_cert_sn", "isv.missing-alipay-root-cert-sn"),
        ("sign", "isv.missing-signature"),
    ],
)
def test_a_missing_parameter_is_turned_away(alipay, name, sub_code):
    if name == "sign":
        answer = alipay.call(QUERY, CONTENT, afterwards={"sign": None})
    else:
        answer = alipay.call(QUERY, CONTENT, **{name: None})
    assert alipay.turned_away(answer, sub_code, "40001")


@pytest.mark.parametrize("off", [-8 * 3600, -601, 601])
def test_a_stale_or_early_timestamp_is_turned_away(alipay, off):
    """Eight hours off is what a container without a time zone sends."""
    answer = alipay.call(QUERY, CONTENT, timestamp=stamp(off))
    assert alipay.turned_away(answer, "isv.invalid-timestamp")
    assert alipay.call(QUERY, CONTENT, timestamp=stamp(off // abs(off) * 590)).node


def test_another_key_is_turned_away_and_the_text_is_told(alipay, other_key):
    answer = alipay.call(QUERY, CONTENT, key=other_key)
    assert alipay.turned_away(answer, "isv.invalid-signature")
    assert 'biz_content={"out_trade_no": "T123456"}' in answer.node["sub_msg"]


@pytest.mark.parametrize(
    "afterwards",
    [
        {"sign": "QUJD"},
        {"sign": "not base64!"},
        {"biz_content": '{"out_trade_no":"T654321"}'},
        {"notify_url": "https://elsewhere.example/"},
        {"return_url": "https://elsewhere.example/"},
    ],
    ids=str,
)
def test_what_was_not_signed_is_turned_away(alipay, afterwards):
    answer = alipay.call(QUERY, CONTENT, afterwards=afterwards)
    assert alipay.turned_away(answer, "isv.invalid-signature")


def test_the_signature_covers_sign_type(alipay):
    sent = alipay.parameters(QUERY, CONTENT)
    without = {name: value for name, value in sent.items() if name != "sign_type"}
    answer = alipay.send(sent | {"sign": alipay.signature(without)})
    assert alipay.turned_away(answer, "isv.invalid-signature")


def test_an_empty_parameter_is_not_signed(alipay):
    sent = alipay.parameters(QUERY, CONTENT)
    answer = alipay.send(sent | {"sign": alipay.signature(sent), "return_url": ""})
    assert alipay.refused(answer, "ACQ.TRADE_NOT_EXIST")


def test_a_name_that_comes_twice_is_turned_away(alipay, client):
    sent = alipay.parameters(QUERY, CONTENT)
    sent["sign"] = alipay.signature(sent)
    twice = client.post("/alipay/gateway.do", query_string=sent, data={"biz_content": "{}"})
    assert twice.json is None
    assert json.loads(twice.text)["error_response"]["sub_code"] == "isv.invalid-parameter"


@pytest.mark.parametrize("content", ["{", "[]", '"x"', '{"out_trade_no":NaN}'])
def test_a_content_that_is_no_object_is_refused(alipay, content):
    assert alipay.refused(alipay.call(QUERY, content), "isv.illegal-json", "40002")


@pytest.mark.parametrize("content", [{}, {"out_trade_no": ""}, CONTENT | {"outTradeNo": "1"}])
def test_a_content_that_names_nothing_or_too_much_is_refused(alipay, content):
    assert alipay.refused(alipay.call(QUERY, content), "ACQ.INVALID_PARAMETER")


def test_answers_hold_braces_and_quotes_in_a_share_of_cases(alipay, client):
    drawn = [alipay.call(QUERY, CONTENT) for _ in range(60)]
    awkward = [answer for answer in drawn if "ext_infos" in answer.node]
    assert 0 < len(awkward) < 60
    assert all(alipay.is_signed(answer) for answer in drawn)
    assert "}}{" in awkward[0].raw
    assert "\\/" in awkward[0].raw
    client.post("/sandbox/settings", json={"alipay_awkward_share": 1})
    assert all("ext_infos" in alipay.call(QUERY, CONTENT).node for _ in range(10))
    client.post("/sandbox/settings", json={"alipay_awkward_share": 0})
    assert not any("ext_infos" in alipay.call(QUERY, CONTENT).node for _ in range(10))


def test_the_next_certificate_signs_when_told_to(alipay, client):
    client.post("/sandbox/settings", json={"alipay_certificate": "next"})
    answer = alipay.call(QUERY, CONTENT)
    assert not alipay.is_signed(answer)
    path = alipay.names["alipay_cert_file"].replace("alipay_cert", "alipay_next_cert")
    alipay.alipay = read_certificates(path)[0]
    assert alipay.is_signed(answer)


def test_without_rsa_the_rest_is_still_checked(alipay, client):
    client.post("/sandbox/settings", json={"require_rsa": False})
    answers = [alipay.create(afterwards={"sign": "x"}) for _ in range(2)]
    assert {answer.node["code"] for answer in answers} == {"10000"}
    assert len({answer.rest["sign"] for answer in answers}) == 1
    assert not alipay.is_signed(answers[0])
    stale = alipay.call(QUERY, CONTENT, timestamp=stamp(-3600))
    assert alipay.turned_away(stale, "isv.invalid-timestamp")


def test_another_path_is_not_there(client):
    assert client.get("/alipay/gateway").status_code == 404


def test_certificates_and_names_look_real(alipay):
    names = alipay.names
    assert (names["app_id"][:4], len(names["app_id"])) == ("2021", 16)
    assert (names["seller_id"][:4], len(names["seller_id"])) == ("2088", 16)
    root = Path(names["alipay_root_cert_file"])
    assert root.read_text().count("BEGIN CERTIFICATE") == 4
    assert root_serial_name(root).count("_") == 1
    assert read_certificates(root)[0].signature_algorithm_oid.dotted_string == "1.2.156.10197.1.501"
    assert "Class 1" in read_certificates(names["app_cert_file"])[0].issuer.rfc4514_string()
    for file in root.parent.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file.name


def test_serial_names_are_computed_as_published(alipay):
    app = read_certificates(alipay.names["app_cert_file"])[0]
    assert alipay_keys.serial_name(app) == serial_name(app)
    bundle = Path(alipay.names["alipay_root_cert_file"]).read_text()
    assert alipay_keys.root_serial_name(bundle) == root_serial_name(
        alipay.names["alipay_root_cert_file"]
    )


def test_serial_names_of_the_published_certificates():
    told = json.loads((VECTORS / "alipay_cert_sn.json").read_text())
    for name in ("app_cert", "alipay_cert"):
        certificate = load_pem_x509_certificate(told[f"{name}_pem"].encode())
        assert alipay_keys.serial_name(certificate) == told[f"{name}_sn"]
    assert alipay_keys.root_serial_name(told["root_cert_pem"]) == told["root_cert_sn"]


def test_every_refusal_of_a_trade_is_a_documented_one():
    documented = json.loads((VECTORS / "alipay_sub_codes.json").read_text())
    known = {code for codes in documented.values() if isinstance(codes, list) for code in codes}
    source = "".join(
        file.read_text() for file in (Path(alipay_keys.__file__).parent / "alipay").glob("*.py")
    )
    used = set(re.findall(r"ACQ\.[A-Z_]+", source))
    assert len(used) > 15
    assert used <= known


def test_credentials_are_kept(alipay, peer):
    again = alipay_keys.ensure_alipay_credentials(peer.directory, peer.credentials["alipay"])
    assert again == peer.credentials["alipay"] == alipay.names
