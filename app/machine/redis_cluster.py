"""A Redis Cluster of three embedded servers on loopback, for what must work on a cluster too."""

import os
import shutil
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import sleep
from typing import Any, Final

from redis import Redis
from redis.exceptions import RedisError

from app.machine import programs
from app.machine.children import Child, spawn
from app.machine.redis_server import POLL_SECONDS, START_SECONDS, STOP_SECONDS
from app.machine.refusal import CannotRun
from kit.clock import monotonic_seconds

NODES: Final = 3
SLOTS: Final = 16384
HOST: Final = "127.0.0.1"
BUS_DISTANCE: Final = 10_000  # the nodes talk to each other on a port so much higher
HIGHEST_PORT: Final = 65_535


class EmbeddedCluster:
    """Three masters without replicas; what they hold is gone when they end."""

    def __init__(self, folder: Path) -> None:
        """Remember where; nothing is started."""
        self.folder = folder.absolute()
        self.ports: list[int] = []
        self.children: list[Child] = []

    @property
    def url(self) -> str:
        """Return the URL of one node, from which redis-py finds the others."""
        return f"redis://{HOST}:{self.ports[0]}"

    def start(self) -> None:
        """Start the nodes, deal the slots out, and wait until each node sees the whole."""
        for _ in range(NODES):
            self.ports.append(_free_port())
            self.children.append(self._spawn(self.ports[-1]))
        try:
            self._wait_until(lambda node: bool(node.ping()))
            self._join()
            self._wait_until(_sees_the_whole)
        except CannotRun:
            self.stop()
            raise

    def stop(self) -> None:
        """End every node and forget what they held."""
        for child in self.children:
            child.end(within_seconds=STOP_SECONDS)
        for port in self.ports:
            shutil.rmtree(self._folder_of(port), ignore_errors=True)
        self.children, self.ports = [], []

    def _folder_of(self, port: int) -> Path:
        return self.folder / f"node-{port}"

    def _spawn(self, port: int) -> Child:
        folder = self._folder_of(port)
        folder.mkdir(mode=0o700, parents=True)
        return spawn(
            "Redis",
            [
                programs.redis_program(),
                *("--port", str(port), "--bind", HOST, "--dir", folder, "--daemonize", "no"),
                *("--cluster-enabled", "yes", "--appendonly", "no", "--save", ""),
                *("--maxmemory", "256mb", "--maxmemory-policy", "noeviction"),
            ],
            log_file=folder / "log",
            environment={"PATH": os.environ.get("PATH", os.defpath), "TZ": "UTC"},
            directory=folder,
        )

    def _join(self) -> None:
        for number, port in enumerate(self.ports):
            slots = range(SLOTS * number // NODES, SLOTS * (number + 1) // NODES)
            with Redis(host=HOST, port=port) as node:
                node.execute_command("CLUSTER ADDSLOTS", *slots)
                node.execute_command("CLUSTER MEET", HOST, self.ports[0])

    def _wait_until(self, is_so: "Callable[[Redis], bool]") -> None:
        deadline = monotonic_seconds() + START_SECONDS
        for port, child in zip(self.ports, self.children, strict=True):
            with Redis(host=HOST, port=port, socket_timeout=1) as node:
                while True:
                    with suppress(RedisError):
                        if is_so(node):
                            break
                    if not child.is_alive or monotonic_seconds() > deadline:
                        raise CannotRun(f"Redis does not start: {child.last_words(lines=1)}")
                    sleep(POLL_SECONDS)


def _sees_the_whole(node: "Redis") -> bool:
    told: Any = node.execute_command("CLUSTER INFO")  # type: ignore[no-untyped-call] # the library says nothing
    return bool(told["cluster_state"] == "ok" and told["cluster_known_nodes"] == str(NODES))


def _free_port() -> int:
    """Return a port that nobody listens on, and nobody on that of its bus."""
    while True:
        with socket.socket() as probe, socket.socket() as bus:
            probe.bind((HOST, 0))
            port: int = probe.getsockname()[1]
            if port + BUS_DISTANCE > HIGHEST_PORT:
                continue
            with suppress(OSError):
                bus.bind((HOST, port + BUS_DISTANCE))
                return port
