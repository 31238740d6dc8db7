"""WeChat Pay's gate: every way of not being the merchant's own fresh request is refused."""

import time

import pytest

SIGN = 268443699


@pytest.fixture
def target(merchant):
    return f"/v3/pay/transactions/out-trade-no/T123456?mchid={merchant.names['mch_id']}"


def test_a_request_signed_as_documented_reaches_the_order_desk(merchant, target):
    assert merchant.refused(merchant.call("GET", target), 404, "ORDER_NOT_EXIST", 268512771)


def test_another_key_is_refused_with_the_sign_information(merchant, target, other_key):
    answer = merchant.call("GET", target, key=other_key)
    assert merchant.refused(answer, 401, "SIGN_ERROR", SIGN)
    told = answer.json["detail"]["sign_information"]
    assert (told["method"], told["url"]) == ("GET", target)


@pytest.mark.parametrize(
    "changes",
    [
        {"scheme": "WECHATPAY2-SHA256-RSA2047"},
        {"mchid": "1900000001"},
        {"serial": "00" * 20},
        {"timestamp": "today"},
        {"nonce": ""},
        {"signature": "not base64!"},
        {"signature": "QUJD"},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_wrong_part_of_the_authorization_is_refused(merchant, target, changes):
    assert merchant.refused(merchant.call("GET", target, **changes), 401, "SIGN_ERROR", SIGN)


@pytest.mark.parametrize("off", [-301, 301, -86400])
def test_a_stale_or_early_timestamp_is_refused(merchant, target, off):
    answer = merchant.call("GET", target, timestamp=int(time.time()) + off)
    assert merchant.refused(answer, 401, "SIGN_ERROR", SIGN)


def test_a_replayed_nonce_is_refused(merchant, target):
    authorization = merchant.authorization("GET", target)
    first = merchant.call("GET", target, headers={"Authorization": authorization})
    second = merchant.call("GET", target, headers={"Authorization": authorization})
    assert first.status_code == 404
    assert merchant.refused(second, 401, "SIGN_ERROR", SIGN)
    assert "nonce" in second.json["message"]


@pytest.mark.parametrize(
    "header",
    [
        None,
        "WECHATPAY2-SHA256-RSA2048",
        'WECHATPAY2-SHA256-RSA2048 mchid="1"',
        "Basic abc",
    ],
)
def test_a_broken_authorization_header_is_refused(merchant, target, header):
    answer = merchant.call("GET", target, headers={"Authorization": header})
    assert merchant.refused(answer, 401, "SIGN_ERROR", SIGN)


def test_a_part_given_twice_is_refused(merchant, target):
    header = merchant.authorization("GET", target) + ',mchid="1900000001"'
    answer = merchant.call("GET", target, headers={"Authorization": header})
    assert merchant.refused(answer, 401, "SIGN_ERROR", SIGN)


@pytest.mark.parametrize("name", ["Accept", "User-Agent"])
def test_a_missing_header_is_refused(merchant, target, name):
    answer = merchant.call("GET", target, headers={name: "" if name == "User-Agent" else None})
    assert merchant.refused(answer, 400, "PARAM_ERROR")


def test_another_content_type_is_refused(merchant):
    body = merchant.order()
    answer = merchant.call(
        "POST",
        "/v3/pay/transactions/jsapi",
        body,
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert merchant.refused(answer, 400, "PARAM_ERROR")


def test_an_unknown_answer_key_is_refused(merchant, target):
    answer = merchant.call("GET", target, headers={"Wechatpay-Serial": "PUB_KEY_ID_0"})
    assert merchant.refused(answer, 400, "PARAM_ERROR")


def test_the_signature_covers_the_query(merchant, target):
    answer = merchant.call("GET", target, send_to=target + "&a=b")
    assert merchant.refused(answer, 401, "SIGN_ERROR", SIGN)


def test_the_signature_covers_the_body(merchant):
    signed = merchant.authorization("POST", "/v3/pay/transactions/jsapi", b'{"a":1}')
    answer = merchant.call(
        "POST", "/v3/pay/transactions/jsapi", b'{"a":2}', headers={"Authorization": signed}
    )
    assert merchant.refused(answer, 401, "SIGN_ERROR", SIGN)


def test_the_prefix_is_not_part_of_what_is_signed(merchant, target):
    answer = merchant.call("GET", "/wechat-pay" + target, send_to=target)
    assert merchant.refused(answer, 401, "SIGN_ERROR", SIGN)


def test_a_path_signed_raw_but_sent_encoded_is_refused(merchant):
    """What a client that does not encode its own path parameters runs into."""
    query = f"?mchid={merchant.names['mch_id']}"
    raw = "/v3/pay/transactions/out-trade-no/T12|456" + query
    encoded = "/v3/pay/transactions/out-trade-no/T12%7C456" + query
    assert merchant.refused(merchant.call("GET", raw, send_to=encoded), 401, "SIGN_ERROR")
    assert merchant.refused(merchant.call("GET", encoded), 404, "ORDER_NOT_EXIST")


def test_an_unknown_path_is_not_found(merchant):
    assert merchant.refused(merchant.call("GET", "/v3/pay/nothing"), 404, "NOT_FOUND")


def test_without_rsa_the_rest_is_still_checked(merchant, client, target):
    client.post("/sandbox/settings", json={"require_rsa": False})
    assert merchant.call("GET", target, signature="x").status_code == 404
    assert merchant.refused(merchant.call("GET", target, mchid="1"), 401, "SIGN_ERROR")
    placed = merchant.place()
    assert placed.status_code == 200
    assert not merchant.is_signed(placed.headers, placed.data)


def test_the_platform_certificate_can_be_fetched_and_opened(merchant):
    answer = merchant.call("GET", "/v3/certificates")
    assert merchant.is_signed(answer.headers, answer.data)
    [entry] = answer.json["data"]
    assert entry["encrypt_certificate"]["associated_data"] == "certificate"
    without = merchant.call("GET", "/v3/certificates", headers={"Wechatpay-Serial": None})
    assert without.headers["Wechatpay-Serial"] == entry["serial_no"]
