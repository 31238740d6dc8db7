"""A process that has imported the house and becomes, fork by fork, the processes that tests start.

`python -m tests.fork_server <descriptor>`, started and asked by `tests.forking`. To import the
house takes some seconds of processor time and is the same for every command; the rest of a start,
from the command line to the exit code, happens in the new process as it always does.
"""

import ctypes
import gc
import importlib
import io
import json
import os
import runpy
import signal
import socket
import sys
import tempfile
from pathlib import Path
from time import sleep, tzset
from typing import Any, Final

from sqlalchemy.orm import configure_mappers

PR_SET_PDEATHSIG: Final = 1
LONGEST_REQUEST: Final = 1 << 20
IMPORTED: Final = (
    "flask.cli",
    "app.cli",
    "app.beside",
    "app.factory",
    "app.machine.commands",
    "app.machine.web",
    "sandbox.application",
    "tests.faults.child",
    "tests.faults.group_child",
    "tests.faults.push_child",
    "tests.faults.sale_child",
    "tests.faults.export_child",
)
# The library of the figures looks for their folder as it is imported, and only the web has one.
ONCE_THE_FOLDER_IS_THERE: Final = ("app", "prometheus_client")
OF_THE_WEB: Final = "app.machine"


def serve(ear: socket.socket) -> dict[str, Any]:
    """Answer each request with a process id; return, in the new process, what it is to be."""
    while True:
        message, descriptors, _, _ = socket.recv_fds(ear, LONGEST_REQUEST, 3)
        if not message:
            os._exit(0)
        request: dict[str, Any] = json.loads(message)
        between = os.fork()
        if between == 0:
            if os.fork():
                os._exit(0)
            _await_parent(request["parent"])
            ear.send(str(os.getpid()).encode())
            ear.close()
            _become(request, descriptors)
            return request
        os.waitpid(between, 0)
        for descriptor in descriptors:
            os.close(descriptor)


def _await_parent(pid: int) -> None:
    """Return once the process in between has ended, and whoever asked is our parent."""
    while os.getppid() != pid:
        sleep(0.001)


def _become(request: dict[str, Any], descriptors: list[int]) -> None:
    """Take on what a new program gets from the one that starts it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if request["is_leader"]:
        os.setsid()
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
        os.close(descriptor)
    if request["end_signal"]:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, request["end_signal"], 0, 0, 0)
    os.environ.clear()
    os.environ.update(request["environment"])
    tzset()
    tempfile.tempdir = None
    sys.stdout = sys.__stdout__ = _stream(1, errors="strict")
    sys.stderr = sys.__stderr__ = _stream(2, errors="backslashreplace")


def _stream(number: int, *, errors: str) -> io.TextIOWrapper:
    is_buffered = not os.environ.get("PYTHONUNBUFFERED")
    raw = io.FileIO(number, "w", closefd=False)
    return io.TextIOWrapper(
        io.BufferedWriter(raw) if is_buffered else raw,  # type: ignore[type-var]  # as Python does
        encoding="utf-8",
        errors=errors,
        line_buffering=number == 2,
        write_through=not is_buffered,
    )


def _run(words: list[str]) -> None:
    """Do what `python -m …` does."""
    if words[0] == OF_THE_WEB:
        for name in list(sys.modules):
            if name.split(".")[0] in ONCE_THE_FOLDER_IS_THERE:
                del sys.modules[name]
    sys.modules.pop(words[0], None)  # it will be `__main__`
    sys.argv[:] = words
    runpy.run_module(words[0], run_name="__main__", alter_sys=True)


def _main() -> None:
    ear = socket.socket(fileno=int(sys.argv[1]))
    ear.set_inheritable(False)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for name in IMPORTED:
        importlib.import_module(name)
    threads = len(list(Path("/proc/self/task").iterdir()))
    if threads != 1:
        sys.exit(f"a process of {threads} threads must not fork")
    configure_mappers()
    gc.collect()
    gc.freeze()
    _run(serve(ear)["words"])


if __name__ == "__main__":
    _main()
