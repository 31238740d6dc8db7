"""What every simulated platform is built from: store, clock, faults, notices, log, settings."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from sandbox.agenda import Agenda
from sandbox.books import Books
from sandbox.clock import Clock
from sandbox.faults import FaultRegistry
from sandbox.keys import Credentials, ensure_credentials
from sandbox.limits import CallLimits
from sandbox.notices import Notices
from sandbox.requests_log import RequestsLog
from sandbox.settings import Settings
from sandbox.store import Store

DEFAULT_NOTICE_SCALE = 0.02


@dataclass(frozen=True)
class Peer:
    """One sandbox; `credentials` is the content of `credentials.json`."""

    directory: Path
    port: int
    credentials: Credentials
    store: Store
    clock: Clock
    settings: Settings
    faults: FaultRegistry
    log: RequestsLog
    agenda: Agenda
    notices: Notices
    books: Books
    limits: CallLimits = field(default_factory=CallLimits)
    starters: list[Callable[[], None]] = field(default_factory=list)

    def base_url(self, platform: str) -> str:
        """Where clients reach a platform, e.g. `http://127.0.0.1:9100/wechat-pay`."""
        return self.credentials["base_urls"][platform]

    def start(self) -> None:
        """Begin to ring; take up what a former process left (each platform adds a starter)."""
        self.agenda.start()
        self.notices.resume()
        for starter in self.starters:
            starter()

    def shift_clock(self, offset_seconds: float) -> None:
        """Set the offset of the business clock and remember it."""
        self.settings.remember("clock_offset_seconds", offset_seconds)
        self.clock.offset_seconds = offset_seconds

    def reset(self) -> None:
        """Wipe books, faults, log, settings and clock; keys stay."""
        self.agenda.clear()
        self.store.wipe()
        self.faults.clear()
        self.settings.forget()
        self.notices.forget()
        self.limits.clear()
        self.log.clear()
        self.clock.offset_seconds = 0.0

    def close(self) -> None:
        """End the threads, then the files."""
        self.agenda.close()
        self.log.close()
        self.store.close()


def callback_url(name: str) -> str:
    """Where the merchant has told a platform to send what no call names an address for.

    Empty: nowhere, and then nothing is sent.
    """
    base = os.environ.get("SANDBOX_CALLBACKS_URL", "")
    return f"{base}/{name}" if base else ""


def make_peer(directory: Path, port: int, notice_scale: float | None = None) -> Peer:
    """Keys, store and machinery of one sandbox in `directory`; nothing runs before `start`."""
    credentials = ensure_credentials(directory, port)
    store = Store(directory / "sandbox.sqlite3")
    clock = Clock()
    settings = Settings(store)
    _declare_settings(settings, notice_scale)
    clock.offset_seconds = settings.recall("clock_offset_seconds", 0.0)
    faults = FaultRegistry(store)
    agenda = Agenda()
    return Peer(
        directory=directory,
        port=port,
        credentials=credentials,
        store=store,
        clock=clock,
        settings=settings,
        faults=faults,
        log=RequestsLog(directory / "requests.jsonl"),
        agenda=agenda,
        notices=Notices(store, clock, faults, agenda, settings),
        books=Books(store),
    )


def _declare_settings(settings: Settings, notice_scale: float | None) -> None:
    """The settings every platform shares; a platform declares its own beside."""
    scale = notice_scale
    if scale is None:
        scale = float(os.environ.get("SANDBOX_NOTICE_SCALE", DEFAULT_NOTICE_SCALE))
    settings.declare("notice_scale", scale)
    settings.declare("bills_available", "real", ("now", "real"))
    settings.declare("refund_min_interval_seconds", 1.0)
    settings.declare("refund_processing_seconds", 1.0)
    settings.declare("rate_limits", True)
    settings.declare("require_rsa", True)
