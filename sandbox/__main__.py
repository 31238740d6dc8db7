"""`python -m sandbox` serves the simulated platforms; `python -m sandbox keys` only makes keys."""

import argparse
import fcntl
import multiprocessing
import multiprocessing.connection
import os
import signal
import socket
import sys
import threading
from multiprocessing.util import Finalize
from pathlib import Path
from typing import TextIO

from flask import Flask
from granian import Granian
from granian.constants import Interfaces

from sandbox.application import create_application
from sandbox.keys import ensure_credentials
from sandbox.peer import Peer

WORKER_THREADS = 48


def main() -> None:
    """Read the command line and the environment, then make keys or serve."""
    parser = argparse.ArgumentParser(prog="sandbox", description=__doc__)
    parser.add_argument("command", nargs="?", choices=["serve", "keys"], default="serve")
    command = parser.parse_args().command
    directory = Path(os.environ.get("SANDBOX_DIR", "var/sandbox"))
    port = int(os.environ.get("SANDBOX_PORT", "9100"))
    if command == "keys":
        ensure_credentials(directory, port)
        return
    _check_port(port)
    with _alone_in(directory):
        ensure_credentials(directory, port)
        serve(directory, port)


def serve(directory: Path, port: int) -> None:
    """Serve until SIGTERM or SIGINT; one worker process holds books, notices and faults."""
    if not os.environ.get("SANDBOX_QUIET"):
        sys.stdout.write(f"sandbox on http://127.0.0.1:{port}, state in {directory}\n")
        sys.stdout.flush()
    server = Granian(
        "sandbox",
        address="127.0.0.1",
        port=port,
        interface=Interfaces.WSGI,
        workers=1,
        blocking_threads=WORKER_THREADS,
        log_enabled=not os.environ.get("SANDBOX_QUIET"),
    )
    server.serve(target_loader=lambda: _application(directory, port), wrap_loader=False)


def _check_port(port: int) -> None:
    """The server shares a port with another one silently; two sets of books must not."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            sys.exit(f"sandbox: port {port} is taken")


def _alone_in(directory: Path) -> TextIO:
    """One process for one directory, until the file is closed."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = (directory / "running.lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        sys.exit(f"sandbox: another one runs in {directory}")
    return lock


def _application(directory: Path, port: int) -> Flask:
    """Built in the worker process; ends with it, and ends it when its parent is gone."""
    application = create_application(directory, port)
    peer: Peer = application.extensions["peer"]
    peer.start()
    Finalize(peer, peer.close, exitpriority=10)
    threading.Thread(target=_end_with_parent, name="sandbox-parent", daemon=True).start()
    return application


def _end_with_parent() -> None:
    """A killed parent must not leave a server behind."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        multiprocessing.connection.wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
