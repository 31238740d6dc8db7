"""A bare WSGI application that reads nothing and says hello, served by Granian."""

import sys
from collections.abc import Iterable
from typing import Any, Final

from granian import Granian
from granian.constants import Interfaces

BODY: Final = b"hello"
WORKERS: Final = 2


def application(_environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Answer."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(BODY)))])
    return [BODY]


def main() -> None:
    """Serve on the port that is the only argument."""
    Granian(
        "benchmarks.sales.hello:application",
        address="127.0.0.1",
        port=int(sys.argv[1]),
        interface=Interfaces.WSGI,
        workers=WORKERS,
        log_enabled=False,
    ).serve()


if __name__ == "__main__":
    main()
