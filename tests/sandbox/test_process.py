"""The sandbox as its own process: keys, restart, unfinished work, a clean end."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests
from sandbox_merchant import Merchant

ROOT = Path(__file__).resolve().parents[2]


class HttpClient:
    """The few methods of Flask's test client that `Merchant` uses, over real HTTP."""

    def __init__(self, port):
        self.base = f"http://127.0.0.1:{port}"

    def open(self, path, *, method, data, headers):
        answer = requests.request(method, self.base + path, data=data, headers=headers, timeout=10)
        return _Answer(answer)

    def post(self, path, json):
        return _Answer(requests.post(self.base + path, json=json, timeout=10))

    def get(self, path):
        return _Answer(requests.get(self.base + path, timeout=10))


class _Answer:
    def __init__(self, answer):
        self.status_code = answer.status_code
        self.headers = answer.headers
        self.data = answer.content
        self.text = answer.text
        self.json = answer.json() if "json" in answer.headers.get("Content-Type", "") else None


class Process:
    """`python -m sandbox` on a free port."""

    def __init__(self, directory):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.directory = directory
        self.environment = os.environ | {
            "SANDBOX_PORT": str(self.port),
            "SANDBOX_DIR": str(directory),
            "SANDBOX_QUIET": "1",
            "SANDBOX_NOTICE_SCALE": "0.01",
        }
        self.running = None

    def start(self):
        self.running = subprocess.Popen(
            [sys.executable, "-m", "sandbox"], cwd=ROOT, env=self.environment
        )
        end = time.monotonic() + 20
        while time.monotonic() < end:
            try:
                requests.get(f"http://127.0.0.1:{self.port}/healthz", timeout=1)
            except requests.ConnectionError:
                time.sleep(0.05)
            else:
                return
        raise AssertionError("the sandbox did not start")

    def stop(self, number=signal.SIGTERM):
        self.running.send_signal(number)
        code = self.running.wait(15)
        self.running = None
        return code

    def is_gone(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) != 0

    def credentials(self):
        return json.loads((self.directory / "credentials.json").read_text())


@pytest.fixture
def process(tmp_path):
    process = Process(tmp_path / "state")
    yield process
    if process.running is not None:
        process.stop()


def test_keys_are_made_once_and_only_for_their_owner(process):
    command = [sys.executable, "-m", "sandbox", "keys"]
    for _ in range(2):
        subprocess.run(command, cwd=ROOT, env=process.environment, check=True)
        credentials = process.credentials()
        process.environment["SANDBOX_PORT"] = "9199"
    assert credentials["base_urls"]["wechat_pay"] == "http://127.0.0.1:9199/wechat-pay"
    names = {"app_id", "app_secret", "callback_token", "callback_aes_key"}
    assert set(credentials["wechat"]) == names
    pay = credentials["wechat_pay"]
    assert len(pay["api_v3_key"]) == 32
    assert pay["public_key_id"].startswith("PUB_KEY_ID_")
    assert stat.S_IMODE(process.directory.stat().st_mode) == 0o700
    for file in [process.directory / "credentials.json", *process.directory.rglob("*.pem")]:
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file.name
    for name in ("merchant_private_key_file", "public_key_file"):
        assert Path(pay[name]).is_absolute()
        assert Path(pay[name]).read_text().startswith("-----BEGIN P")


@pytest.mark.slow
def test_a_restart_keeps_books_and_unfinished_work(process, receiver, eventually):
    process.start()
    credentials = process.credentials()
    client = HttpClient(process.port)
    merchant = Merchant(client, credentials, receiver.url)
    settings = {"refund_processing_seconds": 8, "wechat_pay_balance_fen": 5000}
    client.post("/sandbox/settings", json=settings)
    fault = {"target": "wechat_pay.query", "kind": "drop"}
    client.post("/sandbox/faults", json=fault)
    client.post("/sandbox/clock", json={"offset_seconds": 60})
    receiver.answers = [500] * 4
    number = merchant.paid()
    refund = merchant.refund_body(number, 100)
    assert merchant.refund(refund).json["status"] == "PROCESSING"
    books = client.get("/sandbox/books").json["wechat_pay"]
    assert process.stop() == 0
    assert process.is_gone()

    process.start()
    assert process.credentials() == credentials
    again = client.get("/sandbox/books").json["wechat_pay"]
    assert again["orders"] == books["orders"]
    assert client.get("/sandbox/settings").json["wechat_pay_balance_fen"] == 5000
    assert client.get("/sandbox/log").json["items"][0]["target"] == "wechat_pay.order"
    assert merchant.query(number).status_code == 504
    assert merchant.query(number).json["trade_state"] == "REFUND"
    eventually(
        lambda: merchant.refund_query(refund["out_refund_no"]).json["status"] == "SUCCESS", 30
    )
    told = eventually(
        lambda: (
            {merchant.opened(raw).get("refund_status", "paid") for _, raw in receiver.got}
            == {"paid", "SUCCESS"}
        )
    )
    assert told


@pytest.mark.slow
def test_a_killed_parent_leaves_no_server_behind(process, eventually):
    process.start()
    process.stop(signal.SIGKILL)
    assert eventually(process.is_gone, 10)


def test_a_taken_port_or_directory_is_refused(process, tmp_path):
    process.start()
    other = process.environment | {"SANDBOX_DIR": str(tmp_path / "other")}
    command = [sys.executable, "-m", "sandbox"]
    run = {"cwd": ROOT, "capture_output": True, "text": True, "timeout": 20}
    refused = subprocess.run(command, env=other, check=False, **run)
    assert (refused.returncode, "is taken" in refused.stderr) == (1, True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    same = process.environment | {"SANDBOX_PORT": str(port)}
    refused = subprocess.run(command, env=same, check=False, **run)
    assert (refused.returncode, "another one runs" in refused.stderr) == (1, True)
    assert str(port) not in process.credentials()["base_urls"]["wechat"]
