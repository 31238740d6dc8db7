"""An embedded Redis on a unix socket; what it holds may be lost, so nothing is written to disk."""

import os
import shutil
import tempfile
from pathlib import Path
from time import sleep
from typing import Final

from redis import Redis
from redis.exceptions import RedisError

from app.machine import programs
from app.machine.children import Child, spawn
from app.machine.refusal import CannotRun
from kit.clock import monotonic_seconds

LONGEST_FOLDER: Final = 80  # the system allows about 100 bytes for a socket's whole name
START_SECONDS: Final = 15.0
STOP_SECONDS: Final = 2.0
POLL_SECONDS: Final = 0.02


class RedisServer:
    """One server on the socket `folder/redis.sock`."""

    def __init__(self, folder: Path, *, log_file: Path) -> None:
        """Remember where; nothing is started."""
        self.folder = folder.absolute()
        self.log_file = log_file.absolute()
        self.child: Child | None = None
        self._socket_folder = self.folder

    @property
    def socket(self) -> Path:
        """Return the path of the socket."""
        return self._socket_folder / "redis.sock"

    @property
    def url(self) -> str:
        """Return the URL for redis-py."""
        return f"unix://{self.socket}?db=0"

    def start(self) -> None:
        """Start and wait until it answers; a socket left by a killed run is taken over."""
        self.folder.mkdir(mode=0o700, exist_ok=True)
        if len(os.fsencode(self.folder)) > LONGEST_FOLDER and self._socket_folder == self.folder:
            self._socket_folder = Path(tempfile.mkdtemp(prefix="tuanka-"))
        self.child = spawn(
            "Redis",
            [
                programs.redis_program(),
                *("--port", "0", "--unixsocket", self.socket, "--unixsocketperm", "700"),
                *("--dir", self.folder, "--daemonize", "no", "--databases", "1"),
                *("--appendonly", "no", "--save", ""),
                *("--maxmemory", "256mb", "--maxmemory-policy", "noeviction"),
            ],
            log_file=self.log_file,
            environment={"PATH": os.environ.get("PATH", os.defpath), "TZ": "UTC"},
            directory=self.folder,
        )
        self._wait_until_ready(self.child)

    def stop(self, *, within_seconds: float = STOP_SECONDS) -> None:
        """End the server and forget what it held."""
        if self.child is not None:
            self.child.end(within_seconds=within_seconds)
            self.child = None
        if self._socket_folder != self.folder:
            shutil.rmtree(self._socket_folder, ignore_errors=True)
            self._socket_folder = self.folder

    def _wait_until_ready(self, child: Child) -> None:
        deadline = monotonic_seconds() + START_SECONDS
        while child.is_alive and monotonic_seconds() < deadline:
            client = Redis(unix_socket_path=str(self.socket), socket_timeout=1)
            try:
                client.ping()
            except RedisError:
                sleep(POLL_SECONDS)
            else:
                return
            finally:
                client.close()
        words = child.last_words(lines=1)
        self.stop(within_seconds=0)
        raise CannotRun(f"Redis does not start: {words}")
