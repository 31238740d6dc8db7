"""What reached the sandbox: a bounded list in memory, copied to a file that outlives a restart."""

import json
import threading
from collections import deque
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

KEPT = 20_000
MASKED_NAMES = {
    "access_token",
    "auth_code",
    "biz_content",
    "code",
    "corpsecret",
    "js_code",
    "key",
    "refresh_token",
    "secret",
    "session_key",
    "sign",
    "token",
}


class RequestsLog:
    """Entries are numbered from 1 upwards across restarts, until a reset."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._items: deque[dict[str, Any]] = deque(maxlen=KEPT)
        if path.exists():
            self._items.extend(_readable(path))
        self._written = 0
        self._seq = self._items[-1]["seq"] if self._items else 0
        self._rewrite()

    def add(self, **fields: Any) -> None:
        """Append one entry; `seq` is given here."""
        with self._lock:
            self._seq += 1
            item = {"seq": self._seq, **fields}
            self._items.append(item)
            self._file.write(json.dumps(item, ensure_ascii=False) + "\n")
            self._written += 1
            if self._written > 2 * KEPT:
                self._file.close()
                self._rewrite()

    def since(self, seq: int) -> list[dict[str, Any]]:
        """Entries later than `seq`, oldest first."""
        with self._lock:
            return [item for item in self._items if item["seq"] > seq]

    def clear(self) -> None:
        """Forget all entries and count from 1 again."""
        with self._lock:
            self._items.clear()
            self._seq = 0
            self._file.close()
            self._rewrite()

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._file.close()

    def _rewrite(self) -> None:
        """Keep the file no longer than the list."""
        lines = "".join(json.dumps(item, ensure_ascii=False) + "\n" for item in self._items)
        self._path.write_text(lines, encoding="utf-8")
        self._file = self._path.open("a", encoding="utf-8", buffering=1)
        self._written = len(self._items)


def masked_path(path: str, query: str) -> str:
    """The request's path and query with secrets and codes replaced by `***`."""
    if not query:
        return path
    pairs = [
        (name, "***" if name in MASKED_NAMES else value)
        for name, value in parse_qsl(query, keep_blank_values=True)
    ]
    return f"{path}?{urlencode(pairs, safe='*:/@')}"


def _readable(path: Path) -> list[dict[str, Any]]:
    """The complete lines; the last one may have been cut by a kill."""
    items = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            items.append(json.loads(line))
        except ValueError:
            continue
    return items
