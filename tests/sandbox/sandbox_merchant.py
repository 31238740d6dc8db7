"""A merchant with its own tiny signer, and its notify address, for tests of the sandbox."""

import base64
import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    load_pem_private_key,
    load_pem_public_key,
)

TRANSACTIONS = "/v3/pay/transactions"
REFUNDS = "/v3/refund/domestic/refunds"
OPENID = "o" + "A" * 27


class ManyAtOnce(ThreadingHTTPServer):
    """Takes a burst of connections."""

    daemon_threads = True
    request_queue_size = 256


class Receiver:
    """The merchant's notify address: keeps what came, answers what it is told (200 at the end)."""

    def __init__(self):
        self.got = []
        self.answers = []
        self._came = threading.Condition()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with receiver._came:
                    status = receiver.answers.pop(0) if receiver.answers else 200
                    receiver.got.append((dict(self.headers), body))
                    receiver._came.notify_all()
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args):
                """Say nothing."""

        self._server = ManyAtOnce(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/callbacks/wechat-pay"

    def wait_for(self, count, seconds=5):
        with self._came:
            assert self._came.wait_for(lambda: len(self.got) >= count, seconds), len(self.got)
            return self.got[:]

    def close(self):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class Merchant:
    """Signs as the documents say, without any client library."""

    def __init__(self, client, credentials, notify_url):
        self.client = client
        self.names = credentials["wechat_pay"]
        self.app_id = credentials["wechat"]["app_id"]
        self.notify_url = notify_url
        self.key = load_pem_private_key(
            Path(self.names["merchant_private_key_file"]).read_bytes(), None
        )
        self.platform_key = load_pem_public_key(Path(self.names["public_key_file"]).read_bytes())

    def authorization(self, method, target, body=b"", **changes):
        stamp = str(changes.get("timestamp", int(time.time())))
        nonce = changes.get("nonce", secrets.token_hex(16))
        message = f"{method}\n{target}\n{stamp}\n{nonce}\n".encode() + body + b"\n"
        signature = changes.get("key", self.key).sign(message, PKCS1v15(), SHA256())
        parts = {
            "mchid": changes.get("mchid", self.names["mch_id"]),
            "nonce_str": nonce,
            "timestamp": stamp,
            "serial_no": changes.get("serial", self.names["merchant_serial"]),
            "signature": changes.get("signature", base64.b64encode(signature).decode()),
        }
        text = ",".join(f'{name}="{value}"' for name, value in parts.items())
        return f"{changes.get('scheme', 'WECHATPAY2-SHA256-RSA2048')} {text}"

    def call(self, method, target, body=None, *, headers=None, send_to=None, **changes):
        raw = (
            b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        )
        sent = {
            "Authorization": self.authorization(method, target, raw, **changes),
            "Accept": "application/json",
            "User-Agent": "a merchant",
            "Wechatpay-Serial": self.names["public_key_id"],
        }
        if raw:
            sent["Content-Type"] = "application/json"
        sent = {k: v for k, v in (sent | (headers or {})).items() if v is not None}
        return self.client.open(
            "/wechat-pay" + (send_to or target), method=method, data=raw or None, headers=sent
        )

    def is_signed(self, headers, body):
        message = f"{headers['Wechatpay-Timestamp']}\n{headers['Wechatpay-Nonce']}\n".encode()
        signature = base64.b64decode(headers["Wechatpay-Signature"])
        if headers["Wechatpay-Serial"] != self.names["public_key_id"]:
            return False
        try:
            self.platform_key.verify(signature, message + body + b"\n", PKCS1v15(), SHA256())
        except InvalidSignature:
            return False
        return headers["Wechatpay-Signature-Type"] == "WECHATPAY2-SHA256-RSA2048"

    def opened(self, body):
        resource = json.loads(body)["resource"]
        key = AESGCM(self.names["api_v3_key"].encode())
        return json.loads(
            key.decrypt(
                resource["nonce"].encode(),
                base64.b64decode(resource["ciphertext"]),
                resource["associated_data"].encode(),
            )
        )

    def order(self, out_trade_no=None, **changes):
        body = {
            "appid": self.app_id,
            "mchid": self.names["mch_id"],
            "description": "礼品卡",
            "out_trade_no": out_trade_no or "T" + secrets.token_hex(12),
            "notify_url": self.notify_url,
            "amount": {"total": 1000, "currency": "CNY"},
            "payer": {"openid": OPENID},
        }
        return {name: value for name, value in (body | changes).items() if value is not None}

    def place(self, body=None):
        return self.call("POST", f"{TRANSACTIONS}/jsapi", body or self.order())

    def query(self, out_trade_no):
        return self.call(
            "GET", f"{TRANSACTIONS}/out-trade-no/{out_trade_no}?mchid={self.names['mch_id']}"
        )

    def close(self, out_trade_no):
        target = f"{TRANSACTIONS}/out-trade-no/{out_trade_no}/close"
        return self.call("POST", target, {"mchid": self.names["mch_id"]})

    def pay(self, prepay_id, **more):
        return self.client.post("/sandbox/wechat-pay/pay", json={"prepay_id": prepay_id, **more})

    def paid(self, body=None):
        body = body or self.order()
        answer = self.pay(self.place(body).json["prepay_id"])
        assert answer.status_code == 200, answer.text
        return body["out_trade_no"]

    def refund_body(self, out_trade_no, refund=100, **changes):
        body = {
            "out_trade_no": out_trade_no,
            "out_refund_no": "R" + secrets.token_hex(12),
            "notify_url": self.notify_url,
            "amount": {"refund": refund, "total": 1000, "currency": "CNY"},
        }
        return {name: value for name, value in (body | changes).items() if value is not None}

    def refund(self, body):
        return self.call("POST", REFUNDS, body)

    def refund_query(self, out_refund_no):
        return self.call("GET", f"{REFUNDS}/{out_refund_no}")

    def refused(self, answer, status, code, number=None):
        """The answer is this refusal, unsigned, with the documented Request-ID suffix."""
        assert (answer.status_code, answer.json["code"]) == (status, code), answer.text
        assert answer.json["message"]
        assert "Wechatpay-Signature" not in answer.headers
        if number is not None:
            assert answer.headers["Request-ID"].endswith(f"-{number}")
        return True
