"""An Alipay merchant with its own tiny signer, and its notify address, for tests of the sandbox."""

import base64
import hashlib
import json
import secrets
import threading
from datetime import UTC, datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import parse_qsl

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from sandbox_merchant import ManyAtOnce

OPEN_ID = "0" + "B" * 46
BEIJING = timezone(timedelta(hours=8))
SHORT_NAMES = {
    "commonName": "CN",
    "organizationalUnitName": "OU",
    "organizationName": "O",
    "countryName": "C",
}


class FormReceiver:
    """The notify address: keeps the forms that came, answers what it is told (success at last)."""

    def __init__(self):
        self.got = []
        self.answers = []
        self._came = threading.Condition()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with receiver._came:
                    answer = receiver.answers.pop(0) if receiver.answers else b"success"
                    receiver.got.append((dict(self.headers), body))
                    receiver._came.notify_all()
                self.send_response(200 if isinstance(answer, bytes) else answer)
                said = answer if isinstance(answer, bytes) else b"success"
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, *args):
                """Say nothing."""

        self._server = ManyAtOnce(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/callbacks/alipay"

    def wait_for(self, count, seconds=5):
        """The forms, once there are so many."""
        with self._came:
            assert self._came.wait_for(lambda: len(self.got) >= count, seconds), len(self.got)
            return [dict(form_of(body)) for _, body in self.got]

    def close(self):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class GatewayAnswer:
    """What the gateway said: the one node, its exact text, and what stands beside it."""

    def __init__(self, response):
        self.status_code = response.status_code
        self.text = response.text
        self.name, self.node, self.raw, self.rest = None, None, None, {}
        if response.status_code == 200 and self.text.startswith("{"):
            self.rest = json.loads(self.text)
            self.name = next(name for name in self.rest if name.endswith("_response"))
            self.node = self.rest.pop(self.name)
            at = self.text.index(f'"{self.name}":') + len(self.name) + 3
            _, end = json.JSONDecoder().raw_decode(self.text, at)
            self.raw = self.text[at:end]

    @property
    def sub_code(self):
        return self.node.get("sub_code")


class AlipayMerchant:
    """Signs as the documents say, without any client library."""

    def __init__(self, client, credentials, notify_url):
        self.client = client
        self.names = credentials["alipay"]
        self.notify_url = notify_url
        self.key = load_pem_private_key(Path(self.names["app_private_key_file"]).read_bytes(), None)
        self.alipay = read_certificates(self.names["alipay_cert_file"])[0]

    def parameters(self, method, content=None, /, **changes):
        common = {
            "app_id": self.names["app_id"],
            "method": method,
            "format": "JSON",
            "charset": "utf-8",
            "sign_type": "RSA2",
            "timestamp": stamp(),
            "version": "1.0",
            "app_cert_sn": serial_name(read_certificates(self.names["app_cert_file"])[0]),
            "alipay_root_cert_sn": root_serial_name(self.names["alipay_root_cert_file"]),
        }
        if content is not None:
            common["biz_content"] = (
                content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
            )
        return {name: value for name, value in (common | changes).items() if value is not None}

    def signature(self, parameters, key=None):
        text = "&".join(
            f"{name}={value}" for name, value in sorted(parameters.items()) if value != ""
        )
        return base64.b64encode(
            (key or self.key).sign(text.encode(), PKCS1v15(), SHA256())
        ).decode()

    def call(self, method, content=None, /, *, key=None, http="POST", afterwards=None, **changes):
        """`changes` are signed, `afterwards` are not."""
        signed = self.parameters(method, content, **changes)
        sent = signed | {"sign": self.signature(signed, key)} | (afterwards or {})
        sent = {name: value for name, value in sent.items() if value is not None}
        return self.send(sent, http)

    def send(self, sent, http="POST"):
        if http == "GET":
            return GatewayAnswer(self.client.get("/alipay/gateway.do", query_string=sent))
        query = {name: sent[name] for name in sent if name not in ("biz_content", "notify_url")}
        body = {name: sent[name] for name in sent if name not in query}
        return GatewayAnswer(self.client.post("/alipay/gateway.do", query_string=query, data=body))

    def is_signed(self, answer):
        """The answer's signature is Alipay's, over the node's exact text."""
        return answer.rest.get("alipay_cert_sn") == serial_name(self.alipay) and verifies(
            self.alipay, answer.raw, answer.rest["sign"]
        )

    def is_told(self, form):
        """The notice's signature is Alipay's, over all but `sign` and `sign_type`."""
        text = "&".join(
            f"{name}={form[name]}" for name in sorted(form) if name not in ("sign", "sign_type")
        )
        return form["sign_type"] == "RSA2" and verifies(self.alipay, text, form["sign"])

    def trade(self, **changes):
        content = {
            "out_trade_no": "T" + secrets.token_hex(12),
            "total_amount": "10.00",
            "subject": "礼品卡",
            "product_code": "JSAPI_PAY",
            "op_app_id": self.names["app_id"],
            "buyer_open_id": OPEN_ID,
        }
        return {name: value for name, value in (content | changes).items() if value is not None}

    def create(self, content=None, **changes):
        changes = {"notify_url": self.notify_url} | changes
        return self.call("alipay.trade.create", content or self.trade(), **changes)

    def created(self, **changes):
        content = self.trade(**changes)
        answer = self.create(content)
        assert answer.node["code"] == "10000", answer.text
        return content["out_trade_no"], answer.node["trade_no"]

    def pay(self, trade_no, **more):
        return self.client.post("/sandbox/alipay/pay", json={"trade_no": trade_no, **more})

    def paid(self, **changes):
        number, trade_no = self.created(**changes)
        answer = self.pay(trade_no)
        assert answer.status_code == 200, answer.text
        return number

    def query(self, number, **more):
        return self.call("alipay.trade.query", {"out_trade_no": number, **more})

    def close(self, number):
        return self.call("alipay.trade.close", {"out_trade_no": number})

    def refund_content(self, number, amount="1.00", **changes):
        content = {
            "out_trade_no": number,
            "refund_amount": amount,
            "out_request_no": "R" + secrets.token_hex(12),
        }
        return {name: value for name, value in (content | changes).items() if value is not None}

    def refund(self, content, **changes):
        return self.call("alipay.trade.refund", content, **changes)

    def refund_query(self, number, request_no, **more):
        content = {"out_trade_no": number, "out_request_no": request_no, **more}
        return self.call("alipay.trade.fastpay.refund.query", content)

    def bill(self, bill_date, bill_type="trade"):
        content = {"bill_type": bill_type, "bill_date": bill_date}
        return self.call("alipay.data.dataservice.bill.downloadurl.query", content)

    def code(self, open_id=OPEN_ID, **more):
        answer = self.client.post("/sandbox/alipay/codes", json={"open_id": open_id, **more})
        assert answer.status_code == 200, answer.text
        return answer.json["code"]

    def sign_in(self, **parameters):
        return self.call("alipay.system.oauth.token", **parameters)

    def refused(self, answer, sub_code, code="40004"):
        """The answer is this refusal, in the method's own node and signed."""
        assert answer.status_code == 200
        assert (answer.node["code"], answer.sub_code) == (code, sub_code), answer.text
        assert answer.node["sub_msg"]
        return self.is_signed(answer)

    def turned_away(self, answer, sub_code, code="40002"):
        """The gateway refuses: an unsigned `error_response`."""
        assert answer.status_code == 200
        assert answer.name == "error_response", answer.text
        assert (answer.node["code"], answer.sub_code) == (code, sub_code), answer.text
        return answer.rest == {}


def stamp(seconds=0):
    """Beijing time now, or so many seconds off."""
    return f"{datetime.now(UTC).astimezone(BEIJING) + timedelta(seconds=seconds):%Y-%m-%d %H:%M:%S}"


def form_of(body):
    """The pairs of a form, in their order."""
    return parse_qsl(body.decode("ascii"), keep_blank_values=True, strict_parsing=True)


def verifies(certificate, text, signature):
    try:
        certificate.public_key().verify(
            base64.b64decode(signature), text.encode(), PKCS1v15(), SHA256()
        )
    except InvalidSignature:
        return False
    return True


def read_certificates(path):
    """Those of a bundle that can be read; the SM2 root may be none of them."""
    found = []
    for part in Path(path).read_text().split("-----BEGIN CERTIFICATE-----")[1:]:
        pem = ("-----BEGIN CERTIFICATE-----" + part).encode()
        found.append(x509.load_pem_x509_certificate(pem))
    return found


def serial_name(certificate):
    """MD5 of the issuer, last part first, and the decimal serial."""
    parts = [f"{SHORT_NAMES[part.oid._name]}={part.value}" for part in certificate.issuer]
    text = ",".join(reversed(parts)) + str(certificate.serial_number)
    return hashlib.md5(text.encode()).hexdigest()


def root_serial_name(path):
    return "_".join(
        serial_name(certificate)
        for certificate in read_certificates(path)
        if certificate.signature_algorithm_oid.dotted_string.startswith("1.2.840.113549.1.1.")
    )
