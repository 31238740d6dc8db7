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
SILENCE_MS: Final = 1000  # after which a node is given up, and its replica takes its place


class EmbeddedCluster:
    """Three masters, some of them with a replica; what they hold is gone when they end.

    The masters are the first of `ports` and `children`, replicas follow in the order of theirs.
    """

    def __init__(self, folder: Path, *, replicas: int = 0) -> None:
        """Remember where; nothing is started."""
        self.folder = folder.absolute()
        self.replicas = replicas
        self.ports: list[int] = []
        self.children: list[Child] = []

    @property
    def url(self) -> str:
        """Return the URL of one node, from which redis-py finds the others."""
        return f"redis://{HOST}:{self.ports[0]}"

    def start(self) -> None:
        """Start the nodes, deal the slots out, and wait until each node sees the whole."""
        for _ in range(NODES + self.replicas):
            self.ports.append(_free_port())
            self.children.append(self._spawn(self.ports[-1]))
        try:
            self._wait_until(lambda node: bool(node.ping()))
            self._join()
            self._wait_until(self._sees_the_whole)
            self._follow()
        except CannotRun:
            self.stop()
            raise

    def kill(self, number: int) -> None:
        """End a node without a warning."""
        self.children[number].kill()
        self.children[number].finish(within_seconds=STOP_SECONDS)

    def revive(self, number: int) -> None:
        """Start a node again: it knows its place in the cluster, and holds nothing."""
        self.children[number] = self._spawn(self.ports[number])

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
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return spawn(
            "Redis",
            [
                programs.redis_program(),
                *("--port", str(port), "--bind", HOST, "--dir", folder, "--daemonize", "no"),
                *("--cluster-enabled", "yes", "--appendonly", "no", "--save", ""),
                *("--cluster-node-timeout", str(SILENCE_MS)),
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
                if number < NODES:
                    node.execute_command("CLUSTER ADDSLOTS", *slots)
                node.execute_command("CLUSTER MEET", HOST, self.ports[0])

    def _follow(self) -> None:
        """Have each replica follow its master, and wait until it has what that holds."""
        for number in range(self.replicas):
            with Redis(host=HOST, port=self.ports[number]) as master:
                name = master.execute_command("CLUSTER MYID").decode()
            with Redis(host=HOST, port=self.ports[NODES + number]) as node:
                node.execute_command("CLUSTER REPLICATE", name)
        self._wait_until(_follows_well)

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

    def _sees_the_whole(self, node: "Redis") -> bool:
        told: Any = node.execute_command("CLUSTER INFO")  # type: ignore[no-untyped-call] # the library says nothing
        known = int(told["cluster_known_nodes"])
        return bool(told["cluster_state"] == "ok" and known == len(self.ports))


def _follows_well(node: "Redis") -> bool:
    """Say whether a node is a master, or a replica that is in step."""
    told = node.info("replication")
    return bool(told["role"] == "master" or told["master_link_status"] == "up")


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
