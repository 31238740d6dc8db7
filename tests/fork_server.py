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
from contextlib import suppress
from pathlib import Path
from time import sleep, tzset
from typing import Any, Final

from sqlalchemy.orm import configure_mappers

PR_SET_PDEATHSIG: Final = 1
GOOD_BYE: Final = b"good-bye"
LONGEST_REQUEST: Final = 1 << 20
IMPORTED: Final = (
    "flask.cli",
    "app.cli",
    "app.beside",
    "app.factory",
    "app.machine.commands",
    "app.machine.web",
    "sandbox.application",
    "shop.exports.workbook_files",
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
    leaders: list[int] = []
    while True:
        message, descriptors, _, _ = socket.recv_fds(ear, LONGEST_REQUEST, 3)
        if message == GOOD_BYE:
            os._exit(0)
        if not message:
            _end(leaders)
            os._exit(1)
        request: dict[str, Any] = json.loads(message)
        pid = _fork(request["parent"])
        if pid == 0:
            ear.close()
            _become(request, descriptors)
            return request
        for descriptor in descriptors:
            os.close(descriptor)
        if request["is_leader"]:
            leaders.append(pid)
        ear.send(str(pid).encode())


def _fork(parent: int) -> int:
    """Make a child of `parent`, our own parent; return its id here, and 0 there."""
    hears, tells = os.pipe()
    between = os.fork()
    if between == 0:
        if os.fork():
            os._exit(0)  # and orphans go to whoever asked to have them
        while os.getppid() != parent:
            sleep(0.001)
        os.write(tells, str(os.getpid()).encode())
        os.close(hears)
        os.close(tells)
        return 0
    os.waitpid(between, 0)
    os.close(tells)
    pid = int(os.read(hears, 20))
    os.close(hears)
    return pid


def _end(leaders: list[int]) -> None:
    """Whoever asked for them was killed: those who rest did not hear of it as others do."""
    for number in (signal.SIGCONT, signal.SIGTERM):
        for pid in leaders:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, number)
        sleep(0.2)


def _become(request: dict[str, Any], descriptors: list[int]) -> None:
    """Take on what a new program gets from the one that starts it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
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
    # Who ends the whole group ends the tests; those who rest are still to be woken and ended.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
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
