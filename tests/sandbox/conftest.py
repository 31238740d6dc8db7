"""A sandbox in this process, reset for each test, with a merchant and a receiver of notices."""

import time

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from sandbox_alipay import AlipayMerchant, FormReceiver
from sandbox_merchant import Merchant, Receiver
from sandbox_wecom import Company

from sandbox.application import create_application

SCALE = 0.002


@pytest.fixture(scope="session")
def application(tmp_path_factory):
    built = create_application(tmp_path_factory.mktemp("sandbox"), 9100, SCALE)
    built.extensions["peer"].start()
    yield built
    built.extensions["peer"].close()


@pytest.fixture
def peer(application):
    peer = application.extensions["peer"]
    peer.reset()
    return peer


@pytest.fixture
def client(application, peer):
    client = application.test_client()
    settings = {
        "refund_min_interval_seconds": 0,
        "refund_processing_seconds": 0.05,
        "shipping_visible_after_seconds": 0,
        "rate_limits": False,
    }
    assert client.post("/sandbox/settings", json=settings).status_code == 200
    return client


@pytest.fixture
def receiver():
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture
def merchant(client, peer, receiver):
    return Merchant(client, peer.credentials, receiver.url)


@pytest.fixture
def form_receiver():
    receiver = FormReceiver()
    yield receiver
    receiver.close()


@pytest.fixture
def alipay(client, peer, form_receiver):
    return AlipayMerchant(client, peer.credentials, form_receiver.url)


@pytest.fixture
def company(client, peer):
    return Company(client, peer.credentials)


@pytest.fixture(scope="session")
def other_key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def set_fault(client):
    def set_one(target, kind, **more):
        answer = client.post("/sandbox/faults", json={"target": target, "kind": kind, **more})
        assert answer.status_code == 200, answer.text
        return answer.json["fault_id"]

    return set_one


@pytest.fixture
def eventually():
    def wait(question, seconds=5):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            answer = question()
            if answer:
                return answer
            time.sleep(0.01)
        raise AssertionError("it did not come true in time")

    return wait
