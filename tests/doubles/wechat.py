"""api.weixin.qq.com in a test's hand: answers by path, and counts tokens."""

import json
import threading
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from redis import Redis

from kit.wechat import WechatApi
from tests.doubles.http import Answer, Asked, ScriptedServer

APP_ID = "wxe2e0a1b2c3d4e5f6"
APP_SECRET = "d41d8cd98f00b204e9800998ecf8427e"
TOKEN = "/cgi-bin/stable_token"


def make_api(
    server: ScriptedServer,
    redis: "Redis",
    *,
    timeout_seconds: float = 4,
    base_url: str | None = None,
) -> WechatApi:
    """Return a client whose platform is the scripted server, or another address."""
    return WechatApi(
        app_id=APP_ID,
        app_secret=APP_SECRET,
        base_url=base_url or f"{server.url}/wechat",
        timeout_seconds=timeout_seconds,
        redis=redis,
    )


@dataclass
class Wechat:
    """Answers a path with its next scripted object (the last one again and again)."""

    server: ScriptedServer
    answers: dict[str, list[Any]] = field(default_factory=dict)
    tokens: list[str] = field(default_factory=lambda: ["token-1"])
    expires_in: int = 7200
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        """Take the server over."""
        self.server.answer = self._answer

    def calls(self, path: str) -> list[Asked]:
        """Return what was asked of a path."""
        return [asked for asked in self.server.asked if path_of(asked) == path]

    def _answer(self, asked: Asked) -> Answer:
        path = path_of(asked)
        with self._lock:
            if path == TOKEN and path not in self.answers:
                token = self.tokens.pop(0) if len(self.tokens) > 1 else self.tokens[0]
                return as_json({"access_token": token, "expires_in": self.expires_in})
            scripted = self.answers[path]
            told = scripted.pop(0) if len(scripted) > 1 else scripted[0]
        return told if isinstance(told, Answer) else as_json(told)


def path_of(asked: Asked) -> str:
    """Return the platform's own path."""
    return urlsplit(asked.target).path.removeprefix("/wechat")


def query_of(asked: Asked) -> dict[str, list[str]]:
    """Return the query."""
    return parse_qs(urlsplit(asked.target).query)


def as_json(told: Any) -> Answer:
    """Return an answer as this platform writes it: always 200."""
    return Answer(200, json.dumps(told).encode(), {"Content-Type": "application/json"})
