"""The operator's commands, run as anybody at the terminal would run them."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

LONGEST_SECONDS: Final = 300
END_SECONDS: Final = 5


class CommandFailed(Exception):
    """A command that the evening needs did not work."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a command ended and what it wrote."""

    code: int
    text: str


def flask(*words: str, typed: str = "") -> Outcome:
    """Run `flask …` in this environment; `typed` is what it reads."""
    done = subprocess.run(  # noqa: S603 - our own program, no shell
        [sys.executable, "-m", "flask", *words],
        capture_output=True,
        text=True,
        check=False,
        input=typed,
        timeout=LONGEST_SECONDS,
    )
    return Outcome(done.returncode, done.stdout + (done.stderr if done.returncode else ""))


def must(*words: str, typed: str = "") -> str:
    """Run `flask …`, which must work, and return what it wrote."""
    outcome = flask(*words, typed=typed)
    if outcome.code:
        raise CommandFailed(outcome.text)
    return outcome.text


@contextmanager
def watching(*words: str, heard: Callable[[str], None]) -> Iterator[None]:
    """Run a `flask …` that goes on, and hand each of its lines over as it comes."""
    running = subprocess.Popen(  # noqa: S603 - our own program, no shell
        [sys.executable, "-m", "flask", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
        text=True,
    )
    listener = threading.Thread(target=_listen, args=(running, heard), name="watching")
    listener.start()
    try:
        yield
    finally:
        running.terminate()
        try:
            running.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()
        listener.join()


def _listen(running: "subprocess.Popen[str]", heard: Callable[[str], None]) -> None:
    if running.stdout is not None:
        with running.stdout as lines:
            for line in lines:
                heard(line)


def make_sku(*, stock: int, price_fen: int) -> dict[str, str]:
    """Put something new on sale; return its ids."""
    made = must("sample", "sku", "--stock", str(stock), "--price-fen", str(price_fen))
    ids: dict[str, str] = json.loads(made)
    return ids


def audit() -> dict[str, Any]:
    """Return what the auditor says; without its line, how it failed."""
    outcome = flask("audit")
    for text in reversed(outcome.text.splitlines()):
        if text.startswith("{"):
            found: dict[str, Any] = json.loads(text)
            return found | {"code": outcome.code}
    return {"checked": [], "violations": [{"says": outcome.text[-300:]}], "code": outcome.code}


def balances() -> dict[str, int]:
    """Return the ledger's balances in fen, by account."""
    outcome = flask("ledger", "balances")
    if outcome.code:
        raise CommandFailed(outcome.text)
    return read_balances(outcome.text.splitlines())


def read_balances(lines: Sequence[str]) -> dict[str, int]:
    """Read "account  yuan" lines."""
    found: dict[str, int] = {}
    for text in lines:
        account, _, yuan = text.strip().rpartition(" ")
        if account:
            found[account.strip()] = int(yuan.replace(".", ""))  # always two decimals
    return found
