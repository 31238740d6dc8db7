"""Child processes: started in a group of their own, tied to our life, ended for certain."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PR_SET_PDEATHSIG: Final = 1
KILL_WAIT_SECONDS: Final = 5.0
_LIBC: Final = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


@dataclass(frozen=True, slots=True)
class Account:
    """A user of the operating system to run as."""

    uid: int
    gid: int


@dataclass(slots=True)
class Child:
    """A process we started; it leads its own process group, so Ctrl-C reaches only us."""

    name: str
    process: "subprocess.Popen[bytes]"
    log_file: Path | None = None

    @property
    def pid(self) -> int:
        """Return the process id, which is also the id of its group."""
        return self.process.pid

    @property
    def is_alive(self) -> bool:
        """Say whether the process still runs."""
        return self.process.poll() is None

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the process alone; nothing happens when it has ended."""
        if self.is_alive:
            self.process.send_signal(number)

    def end(self, number: signal.Signals = signal.SIGTERM, *, within_seconds: float) -> int:
        """Ask the process to end, kill its group when it does not; return its exit code."""
        self.send(number)
        return self.finish(within_seconds=within_seconds)

    def finish(self, *, within_seconds: float) -> int:
        """Wait for the end that was asked for; whatever is left of the group is killed."""
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(max(within_seconds, 0))
        self.kill()
        return self.process.wait(KILL_WAIT_SECONDS)

    def kill(self) -> None:
        """Kill the whole group at once."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    def last_words(self, *, lines: int = 5) -> str:
        """Return the end of its log, for a message to a person."""
        return last_lines(self.log_file, lines) if self.log_file else ""


def spawn(
    name: str,
    command: Sequence[str | Path],
    *,
    log_file: Path | None,
    environment: Mapping[str, str],
    directory: Path,
    account: Account | None = None,
    end_signal: signal.Signals = signal.SIGTERM,
) -> Child:
    """Start a process that writes to `log_file` and gets `end_signal` should we be killed.

    Without a log file it writes where we do. Call it from the main thread: Linux ties the child
    to the thread that made it.
    """
    with log_file.open("ab") if log_file else nullcontext() as log:
        process = subprocess.Popen(  # noqa: S603 - our own programs, no shell
            [str(part) for part in command],
            cwd=directory,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT if log else None,
            start_new_session=True,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
            preexec_fn=tie_to_parent(end_signal),  # noqa: PLW1509 - one system call, no locks
        )
    return Child(name, process, log_file)


def tie_to_parent(number: signal.Signals) -> Callable[[], None]:
    """Return what a fresh child calls so that it gets `number` when its parent is no more."""
    parent = os.getpid()

    def tie() -> None:
        if _LIBC is None:
            return
        _LIBC.prctl(PR_SET_PDEATHSIG, int(number), 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return tie


def run_to_end(
    command: Sequence[str | Path],
    *,
    environment: Mapping[str, str],
    directory: Path,
    account: Account | None = None,
    timeout_seconds: float = 120,
) -> "subprocess.CompletedProcess[str]":
    """Run a short program and return its exit code and what it wrote."""
    return subprocess.run(  # noqa: S603 - our own programs, no shell
        [str(part) for part in command],
        cwd=directory,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=timeout_seconds,
        start_new_session=True,
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
    )


def command_line(pid: int) -> list[str]:
    """Return the command line of a living process of this machine, empty when there is none."""
    try:
        raw = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return []
    return raw.decode(errors="replace").split("\0")[:-1]


def last_lines(path: Path, lines: int) -> str:
    """Return the last lines of a text file, empty when there is none."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-lines:])
