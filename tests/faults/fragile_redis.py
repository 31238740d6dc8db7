"""A Redis that may be killed, frozen, flushed, restored, and whose answers may get lost."""

import asyncio
import os
import random
import shutil
import signal
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from typing import Final

from redis import Redis

from app.machine.redis_server import RedisServer
from tests.servers import free_port

WAIT_SECONDS: Final = 10.0
MOST_BYTES: Final = 65_536


class FragileRedis:
    """A Redis of one shop's own: `url` leads to it, `gate_url` by way of a thief of answers."""

    def __init__(self) -> None:
        """Start it."""
        self.folder = Path(tempfile.mkdtemp(prefix="tuanka-test-"))
        self._server = RedisServer(self.folder, log_file=self.folder / "log")
        self._server.start()
        self.thief = Thief(self._server.socket)
        self.thief.start()

    @property
    def url(self) -> str:
        """Return the way past the thief."""
        return self._server.url

    @property
    def gate_url(self) -> str:
        """Return the way of the gate."""
        return f"redis://127.0.0.1:{self.thief.port}/0"

    def flush(self) -> None:
        """Lose everything."""
        with Redis.from_url(self.url, socket_timeout=5) as client:
            client.flushall()

    def save(self) -> None:
        """Write down what is there now; a restart comes back to this."""
        with Redis.from_url(self.url, socket_timeout=5) as client:
            client.save()

    def kill(self) -> None:
        """End it without a warning."""
        assert self._server.child is not None
        self._server.child.kill()
        self._server.child.finish(within_seconds=WAIT_SECONDS)

    def start(self, *, is_stale: bool = False) -> None:
        """Start it again: empty, or with what was saved."""
        if not is_stale:
            (self.folder / "dump.rdb").unlink(missing_ok=True)
        self._server.start()

    def freeze(self) -> None:
        """Let it take connections, and answer nobody."""
        self._send(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._send(signal.SIGCONT)

    def stop(self) -> None:
        """End it, and forget what it held."""
        self.thief.stop()
        with suppress(ProcessLookupError):
            self.thaw()
        self._server.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _send(self, number: signal.Signals) -> None:
        assert self._server.child is not None
        os.kill(self._server.child.pid, number)


class Thief:
    """A way to a Redis on which scripts of the gate run, and their answers may get lost."""

    def __init__(self, socket: Path) -> None:
        """Let everything pass, for the time being."""
        self.port = free_port()
        self.share = 0.0  # of the answers, that are lost with their connection
        self.stolen = 0
        self._socket = socket
        self._random = random.Random(0)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="thief", daemon=True)
        self._is_open = threading.Event()

    def start(self) -> None:
        """Return when somebody may come."""
        self._thread.start()
        assert self._is_open.wait(WAIT_SECONDS)

    def steal(self, share: float, seed: int) -> None:
        """Have so many of a hundredth lost from now on, by a seeded coin."""
        self._random = random.Random(seed)
        self.share = share

    def stop(self) -> None:
        """Let nobody pass any more."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(WAIT_SECONDS)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(
            asyncio.start_server(self._pass, "127.0.0.1", self.port)
        )
        self._is_open.set()
        self._loop.run_forever()
        server.close()
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Be between one client and Redis until one of them, or the thief, has enough."""
        try:
            theirs, ours = await asyncio.open_unix_connection(self._socket)
        except OSError:
            writer.close()
            return
        asked = _Asked()
        ways = [
            asyncio.create_task(self._carry(reader, ours, asked, is_answer=False)),
            asyncio.create_task(self._carry(theirs, writer, asked, is_answer=True)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            for end in (ours, writer):
                end.close()
            await asyncio.gather(*ways, return_exceptions=True)

    async def _carry(
        self,
        source: asyncio.StreamReader,
        target: asyncio.StreamWriter,
        asked: "_Asked",
        *,
        is_answer: bool,
    ) -> None:
        while data := await source.read(MOST_BYTES):
            if not is_answer:
                asked.is_script = b"EVAL" in data
            elif asked.is_script and self._random.random() < self.share:
                self.stolen += 1
                return
            target.write(data)
            await target.drain()


class _Asked:
    """What a client asked last."""

    is_script = False
