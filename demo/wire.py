"""HTTP as the demonstration needs it: an answer for every request, also when none came."""

import threading
from dataclasses import dataclass
from typing import Any, Final

import requests

TIMEOUT_SECONDS: Final = 20.0
NO_ANSWER: Final = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; `status` 0 when nothing did."""

    status: int
    body: dict[str, Any]
    wait_seconds: float = 1.0  # how long to wait before asking again

    @property
    def is_ok(self) -> bool:
        """Say whether the request was granted."""
        return 200 <= self.status < 300

    @property
    def is_busy(self) -> bool:
        """Say whether the same request may be sent again a little later."""
        return self.status in (NO_ANSWER, 429, 502, 503, 504)

    @property
    def code(self) -> str:
        """Return the stable code of a refusal."""
        return str(self.body.get("code", ""))


class Wire:
    """A server; each thread keeps connections of its own."""

    def __init__(self, base_url: str) -> None:
        """Nothing is asked yet."""
        self.base_url = base_url
        self._local = threading.local()

    def ask(
        self,
        method: str,
        path: str,
        *,
        body: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """Send one request."""
        try:
            response = self._session().request(
                method,
                self.base_url + path,
                json=body,
                headers=headers,
                timeout=TIMEOUT_SECONDS,
            )
        except requests.RequestException as failure:
            return Answer(NO_ANSWER, {"code": type(failure).__name__})
        return Answer(response.status_code, _content(response), _patience(response))

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = requests.Session()
            session.trust_env = False  # everything is on this machine, whatever proxy is set
            self._local.session = session
        return session


def _content(response: requests.Response) -> dict[str, Any]:
    try:
        content = response.json()
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {"items": content}


def _patience(response: requests.Response) -> float:
    text = response.headers.get("Retry-After", "1")
    return float(text) if text.isdecimal() else 1.0
