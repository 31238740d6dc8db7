"""Starts `python -m …` as a fork of a process that has imported the house already.

What is started is a process like any other: our child, with its own environment, streams, signals
and exit code. Only the imports are not made anew, which cost far more than all the rest. Tests of
how a program is started start it for real.
"""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Any, Final

from app.machine.children import Child
from tests.fork_server import GOOD_BYE

ROOT: Final = Path(__file__).resolve().parent.parent
CLOSING_SECONDS: Final = 10.0


class _Server:
    """The process that forks, started when it is first needed."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._turn = Lock()
        self._voice: socket.socket | None = None

    def fork(self, request: dict[str, Any], descriptors: list[int]) -> int:
        """Have a process made and return its id."""
        with self._turn:
            voice = self._voice or self._start()
            socket.send_fds(voice, [json.dumps(request).encode()], descriptors)
            answer = voice.recv(100)
        assert answer, "the process that forks has ended"
        return int(answer)

    def close(self) -> None:
        """End it, if it was needed."""
        if self._voice is not None and self._process is not None:
            self._voice.send(GOOD_BYE)
            self._voice.close()
            self._process.wait(CLOSING_SECONDS)
        self._voice = self._process = None

    def _start(self) -> socket.socket:
        self._voice, ear = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with ear:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.fork_server", str(ear.fileno())],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                pass_fds=[ear.fileno()],
            )
        return self._voice


_SERVER: Final = _Server()
close = _SERVER.close


class Forked(subprocess.Popen[Any]):
    """A `Popen` of `python -m …` that is a fork; it runs in the root of the house."""

    def __init__(
        self,
        words: Sequence[str],
        *,
        environment: Mapping[str, str],
        end_signal: int = 0,
        is_leader: bool = False,
        **streams: Any,
    ) -> None:
        """Start it; `end_signal` is what it gets should we be killed."""
        self._request = {
            "words": list(words),
            "environment": dict(environment),
            "end_signal": int(end_signal),
            "is_leader": is_leader,
            "parent": os.getpid(),
        }
        super().__init__(list(words), **streams)

    def _execute_child(self, *given: Any) -> None:
        """Fork where `Popen` would run a program; it makes the pipes before this."""
        pipes = given[10:16]
        ends = (pipes[0], pipes[3], pipes[5])
        streams = [number if end == -1 else end for number, end in enumerate(ends)]
        try:
            self.pid = _SERVER.fork(self._request, streams)
            self._child_created = True
        finally:
            self._close_pipe_fds(*pipes)


def spawn(
    name: str, words: Sequence[str], *, log_file: Path, environment: Mapping[str, str]
) -> Child:
    """Start a process that writes to `log_file`, as `app.machine.children.spawn` does."""
    with log_file.open("ab") as log:
        process = Forked(
            words,
            environment=environment,
            end_signal=signal.SIGTERM,
            is_leader=True,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    return Child(name, process, log_file)


def run(
    words: Sequence[str],
    *,
    environment: Mapping[str, str],
    stderr: int = subprocess.STDOUT,
    timeout: float = 120,
) -> "subprocess.CompletedProcess[str]":
    """Run a short program and return its exit code and what it wrote."""
    with Forked(
        words,
        environment=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
    ) as process:
        try:
            out, err = process.communicate(timeout=timeout)
        except BaseException:
            process.kill()
            raise
    return subprocess.CompletedProcess(list(words), process.returncode, out, err)
