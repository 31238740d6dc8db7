"""Codes and links of the simulated platforms: what is refused, and where a scan or a tap leads."""

import io
import time

import pytest
import zxingcpp
from PIL import Image

CODE = "/wechat/wxa/getwxacodeunlimit"
LINK = "/wechat/wxa/generate_urllink"
METHOD = "alipay.open.app.qrcode.create"
PAGE = "pages/invite/index"
DAY = 86_400


@pytest.fixture
def token(client, peer):
    app = peer.credentials["wechat"]
    body = {"grant_type": "client_credential", "appid": app["app_id"], "secret": app["app_secret"]}
    return client.post("/wechat/cgi-bin/stable_token", json=body).json["access_token"]


@pytest.fixture
def ask(client, token):
    def send(where, /, **body):
        return client.post(f"{where}?access_token={token}", json=body)

    return send


def scanned(picture):
    (found,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(picture)).convert("L"))
    return found.text


def test_a_code_leads_to_its_page_with_its_scene(ask):
    answer = ask(CODE, scene="ABC123", page=PAGE, width=280)
    assert answer.content_type == "image/png"
    assert scanned(answer.data) == f"{PAGE}?scene=ABC123"


def test_without_a_token_there_is_no_code(client):
    answer = client.post(f"{CODE}?access_token=nobody", json={"scene": "x"})
    assert answer.json["errcode"] == 40001


@pytest.mark.parametrize(
    ("changes", "errcode"),
    [
        ({"scene": ""}, 40169),
        ({"scene": "a" * 33}, 40169),
        ({"scene": "a%b"}, 40129),
        ({"scene": "团"}, 40129),
        ({"scene": "a b"}, 40129),
        ({"scene": 7}, 40097),
        ({"page": "/" + PAGE}, 41030),
        ({"page": PAGE + "?a=1"}, 41030),
        ({"page": "pages/unknown"}, 41030),
        ({"page": "/x", "check_path": False}, 41030),
        ({"width": 279}, 40097),
        ({"width": 1281}, 40097),
        ({"width": "430"}, 40097),
        ({"check_path": 1}, 40097),
        ({"env_version": "beta"}, 40097),
        ({"path": PAGE}, 40097),
    ],
)
def test_a_code_is_refused(ask, changes, errcode):
    answer = ask(CODE, **({"scene": "s", "page": PAGE} | changes))
    assert answer.status_code == 200
    assert answer.json["errcode"] == errcode


def test_a_page_that_is_not_yet_published_is_taken_unchecked(ask):
    assert scanned(ask(CODE, scene="s", page="pages/next", check_path=False).data) == (
        "pages/next?scene=s"
    )


def test_codes_are_limited_to_five_thousand_a_minute(ask, client, peer):
    client.post("/sandbox/settings", json={"rate_limits": True})
    for _ in range(5000):
        assert peer.limits.allow("wechat.code", 5000, 60.0)
    assert ask(CODE, scene="s", page=PAGE).json["errcode"] == 45009


def test_a_link_leads_there_until_it_ends(ask, client):
    answer = ask(LINK, path=PAGE, query="code=A1", expire_type=1, expire_interval=2).json
    assert answer["errcode"] == 0
    told = {"url_link": answer["url_link"]}
    opened = client.post("/sandbox/wechat/open-link", json=told)
    assert opened.json == {"path": PAGE, "query": "code=A1"}
    client.post("/sandbox/clock", json={"offset_seconds": 2 * DAY})
    assert client.post("/sandbox/wechat/open-link", json=told).status_code == 409


@pytest.mark.parametrize(
    ("changes", "errcode"),
    [
        ({"path": "pages/unknown"}, 40165),
        ({"path": "/" + PAGE}, 40165),
        ({"query": "团"}, 40212),
        ({"query": "a" * 1025}, 40212),
        ({"expire_interval": 31}, 85401),
        ({"expire_interval": 0}, 85401),
        ({"expire_type": 2}, 85401),
        ({"expire_type": 0}, 85401),
        ({"env_version": "beta"}, 85402),
        ({"scene": "s"}, 40097),
    ],
)
def test_a_link_is_refused(ask, changes, errcode):
    body = {"path": PAGE, "query": "a=1", "expire_type": 1, "expire_interval": 30} | changes
    assert ask(LINK, **body).json["errcode"] == errcode


@pytest.mark.parametrize(("seconds", "errcode"), [(30, 85401), (90, 0), (31 * DAY, 85401)])
def test_a_link_ends_within_thirty_days(ask, seconds, errcode):
    ends = int(time.time()) + seconds
    assert ask(LINK, path=PAGE, expire_type=0, expire_time=ends).json["errcode"] == errcode


def test_alipay_gives_an_address_of_a_picture(alipay):
    content = {"url_param": PAGE, "query_param": "code=A1", "describe": "邀请"}
    answer = alipay.call(METHOD, content)
    assert alipay.is_signed(answer)
    url = answer.node["qr_code_url"]
    picture = alipay.client.get(url[url.index("/alipay/") :])
    assert scanned(picture.data) == f"{PAGE}?code=A1"


@pytest.mark.parametrize(
    "changes",
    [
        {"url_param": "pages/unknown"},
        {"url_param": "/" + PAGE},
        {"query_param": "a" * 257},
        {"describe": "a" * 33},
        {"describe": ""},
        {"colour": "0x000000"},
    ],
)
def test_alipay_refuses(alipay, changes):
    content = {"url_param": PAGE, "query_param": "code=A1", "describe": "x"} | changes
    alipay.refused(alipay.call(METHOD, content), "INVALID_PARAMETER")


def test_alipay_knows_no_other_picture(client):
    assert client.get("/alipay/qrcodes/..%2f..%2fkeys").status_code == 404
    assert client.get("/alipay/qrcodes/0").status_code == 404


def test_trouble_comes_to_codes_and_links(ask, set_fault):
    set_fault("wechat.code", "drop")
    set_fault("wechat.link", "error", code="44993")
    assert ask(CODE, scene="s", page=PAGE).status_code == 504
    link = {"path": PAGE, "expire_type": 1, "expire_interval": 1}
    assert ask(LINK, **link).json["errcode"] == 44993
    set_fault("wechat.code", "bad_signature")
    assert ask(CODE, scene="s", page=PAGE).content_type == "text/html"
    assert scanned(ask(CODE, scene="s", page=PAGE).data) == f"{PAGE}?scene=s"


def test_trouble_comes_to_alipays_codes(alipay, set_fault):
    content = {"url_param": PAGE, "query_param": "code=A1", "describe": "x"}
    set_fault("alipay.code", "error", code="isp.unknow-error")
    assert alipay.call(METHOD, content).node["code"] == "20000"
    url = alipay.call(METHOD, content).node["qr_code_url"]
    path = url[url.index("/alipay/") :]
    set_fault("alipay.code_file", "bad_signature")
    cut = alipay.client.get(path).data
    assert alipay.client.get(path).data.startswith(cut)
    assert len(cut) < len(alipay.client.get(path).data)
