"""Asks a server for one path as fast as it answers, by a client that costs little itself."""

import socket
import threading
from time import perf_counter
from typing import Final
from urllib.parse import urlsplit

CONNECTIONS: Final = 8
IN_A_ROW: Final = 16  # requests sent before their answers are read, so that the client costs little


def requests_per_second(url: str, path: str, requests: int) -> float:
    """Return how many GETs of a path were answered with 200 in a second, over all connections."""
    troubles: list[BaseException] = []

    def read() -> None:
        try:
            _read(url, path, requests // CONNECTIONS)
        except (OSError, AssertionError) as trouble:
            troubles.append(trouble)

    readers = [threading.Thread(target=read) for _ in range(CONNECTIONS)]
    started = perf_counter()
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    if troubles:
        raise troubles[0]
    return requests / (perf_counter() - started)


def _read(url: str, path: str, requests: int) -> None:
    parts = urlsplit(url)
    host = f"{parts.hostname}:{parts.port}"
    asked = f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode() * IN_A_ROW
    with socket.create_connection((parts.hostname, parts.port), timeout=30) as wire:
        for _ in range(requests // IN_A_ROW):
            wire.sendall(asked)
            answers = 0
            held = b""
            while answers < IN_A_ROW:
                piece = wire.recv(65_536)
                if not piece:
                    raise AssertionError("the server hung up")
                done, held = _take_answers(held + piece)
                answers += done


def _take_answers(held: bytes) -> tuple[int, bytes]:
    """Return how many whole answers there are, and what is left of the next."""
    done = 0
    while True:
        head, found, rest = held.partition(b"\r\n\r\n")
        if not found:
            return done, held
        if not head.startswith(b"HTTP/1.1 200"):
            raise AssertionError(head.decode(errors="replace"))
        at = head.lower().index(b"content-length:") + 15
        length = int(head[at:].split(b"\r\n", 1)[0])
        if len(rest) < length:
            return done, held
        done, held = done + 1, rest[length:]
