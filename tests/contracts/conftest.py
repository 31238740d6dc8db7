"""One contract, two platforms: each test here runs over both gateways against the real sandbox."""

from collections.abc import Iterator

import pytest

from shop.payments.gateway import Channel
from tests.contracts.contract import Contract
from tests.doubles.http import ScriptedServer
from tests.servers import SandboxServer


@pytest.fixture(params=list(Channel), ids=[channel.value for channel in Channel])
def contract(request: pytest.FixtureRequest, sandbox_server: SandboxServer) -> Iterator[Contract]:
    """Return the contract over one of the platforms."""
    with ScriptedServer() as receiver:
        yield Contract(request.param, sandbox_server, receiver)
