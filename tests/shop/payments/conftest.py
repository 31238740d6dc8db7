"""A scripted platform for the tests of the gateways."""

from collections.abc import Iterator

import pytest

from tests.doubles.http import ScriptedServer


@pytest.fixture(scope="session")
def scripted() -> Iterator[ScriptedServer]:
    """Return the web server of this test process."""
    with ScriptedServer() as scripted:
        yield scripted


@pytest.fixture
def server(scripted: ScriptedServer) -> ScriptedServer:
    """Return a web server that plays a platform and has not been asked anything."""
    scripted.reset()
    return scripted
