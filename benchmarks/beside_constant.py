"""Serves the product's web, and beside it in the same processes a bare Flask route.

The bare application is `Flask("constant")` with the one route `/constant`, which returns the same
`BENCH_CONSTANT_BYTES` bytes as JSON each time; the server's callable chooses between the two by
the path alone. Only the benchmark of hot groups starts it.
"""

import os
from collections.abc import Callable, Iterable
from typing import Any, Final

from flask import Flask, Response

from app.machine import web
from config.settings import load_settings

SIZE: Final = "BENCH_CONSTANT_BYTES"
PATH: Final = "/constant"

Wsgi = Callable[[dict[str, Any], Any], Iterable[bytes]]


def main() -> None:
    """Serve as the product does, with the route beside it."""
    build = web._application

    def application() -> Any:
        return beside(build())

    web._application = application
    web.serve(load_settings())


def beside(product: Wsgi) -> Wsgi:
    """Return a callable that serves the constant, and hands on everything else."""
    constant = make_constant(int(os.environ[SIZE])).wsgi_app

    def serve(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        chosen = constant if environ["PATH_INFO"] == PATH else product
        return chosen(environ, start_response)

    return serve


def make_constant(size: int) -> Flask:
    """Return the bare application."""
    app = Flask("constant", static_folder=None)
    body = b"{" + b" " * (size - 2) + b"}"

    @app.get(PATH)
    def constant() -> Response:
        return Response(body, content_type="application/json")

    return app


if __name__ == "__main__":
    main()
