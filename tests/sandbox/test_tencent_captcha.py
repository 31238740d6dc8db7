"""The simulated Tencent Captcha: who may ask, about what, and how often."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from kit.tencent_cloud import CONTENT_TYPE, TencentKey


@pytest.fixture
def ours(peer):
    return peer.credentials["tencent_captcha"]


@pytest.fixture
def ask(client, ours):
    """Ask about a new ticket; fields, headers, the key and the moment can be changed."""

    def ask(*, drop="", at=None, secret_key="", key_id="", body=None, headers=None, **changes):
        told = client.post("/sandbox/tencent-captcha/tickets").get_json()
        fields = {
            "CaptchaType": 9,
            "Ticket": told["ticket"],
            "UserIp": "192.0.2.1",
            "Randstr": told["randstr"],
            "CaptchaAppId": int(ours["app_id"]),
            "AppSecretKey": ours["app_secret_key"],
        } | changes
        fields.pop(drop, None)
        at = at or datetime.now(UTC)
        key = TencentKey(key_id or ours["secret_id"], secret_key or ours["secret_key"])
        payload = json.dumps(fields).encode()
        signed = key.authorize(service="captcha", host="localhost", payload=payload, at=at)
        sent = {
            "Authorization": signed,
            "X-TC-Action": "DescribeCaptchaResult",
            "X-TC-Version": "2019-07-22",
            "X-TC-Timestamp": str(int(at.timestamp())),
        } | (headers or {})
        answer = client.post(
            "/tencent-captcha/", data=body or payload, headers=sent, content_type=CONTENT_TYPE
        )
        assert answer.status_code == 200
        return answer.get_json()["Response"]

    return ask


class TestAsking:
    def test_a_ticket_is_good_once(self, client, ask):
        told = client.post("/sandbox/tencent-captcha/tickets").get_json()
        given = {"Ticket": told["ticket"], "Randstr": told["randstr"]}
        assert [ask(**given)["CaptchaCode"] for _ in range(2)] == [1, 9]

    def test_and_for_five_minutes(self, client, peer, ask):
        told = client.post("/sandbox/tencent-captcha/tickets").get_json()
        peer.shift_clock(300)
        assert ask(Ticket=told["ticket"], Randstr=told["randstr"])["CaptchaCode"] == 8

    @pytest.mark.parametrize(
        ("changes", "code"),
        [
            ({"Ticket": "made up"}, 15),
            ({"Randstr": "@no"}, 7),
            ({"CaptchaAppId": 1}, 16),
            ({"AppSecretKey": "another"}, 100),
        ],
    )
    def test_tells_what_is_wrong_with_it(self, ask, changes, code):
        assert ask(**changes)["CaptchaCode"] == code

    @pytest.mark.parametrize(
        ("changes", "code"),
        [
            ({"secret_key": "wrong"}, "AuthFailure.SignatureFailure"),
            ({"key_id": "AKIDwrong"}, "AuthFailure.SecretIdNotFound"),
            ({"at": datetime.now(UTC) - timedelta(hours=1)}, "AuthFailure.SignatureExpire"),
            ({"body": b"{}"}, "AuthFailure.SignatureFailure"),
            ({"headers": {"Authorization": "Basic eDp5"}}, "AuthFailure.InvalidAuthorization"),
            ({"headers": {"X-TC-Action": "Other"}}, "InvalidAction"),
            ({"headers": {"X-TC-Version": "2017-03-12"}}, "NoSuchVersion"),
            ({"drop": "UserIp"}, "MissingParameter"),
            ({"CaptchaAppId": "19"}, "InvalidParameter"),
            ({"CaptchaType": 1}, "InvalidParameterValue"),
            ({"Extra": 1}, "UnknownParameter"),
        ],
    )
    def test_refuses_what_is_not_as_documented(self, ask, changes, code):
        assert ask(**changes)["Error"]["Code"] == code
