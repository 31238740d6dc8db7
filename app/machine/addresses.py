"""TCP ports of this machine: free before we start, answering once we have."""

import errno
import os
import socket
import urllib.error
import urllib.request
from http import HTTPStatus
from typing import Final

from app.machine.refusal import CannotRun

HOST: Final = "127.0.0.1"


def require_free(port: int, *, setting: str) -> None:
    """Raise `CannotRun` when nobody could listen on this port."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do, so that a connection that lingers after its end is no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
            probe.listen(1)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                problem = f"port {port} is in use: set {setting} to another one"
            else:
                problem = f"port {port} ({setting}): {os.strerror(error.errno or 0)}"
            raise CannotRun(problem) from None


def answers_well(url: str, *, within_seconds: float = 2.0) -> bool:
    """Say whether a GET of `url` is answered with 200."""
    # Our own addresses are never asked for through a proxy.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=within_seconds) as answer:
            return bool(answer.status == HTTPStatus.OK)
    except (urllib.error.URLError, OSError):
        return False
