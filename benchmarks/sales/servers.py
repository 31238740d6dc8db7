"""Starts what flash sales are compared with, beside the product on the same site."""

import os
import sys
from typing import Final

from app.machine.processes import Program
from app.metrics import SHARED_DIRECTORY
from benchmarks.ground import Site, free_port
from benchmarks.sales import afternoon, behind_flask
from benchmarks.sales.afternoon import THREADS
from shop.ports import Ports

WORKERS: Final = 2
DATABASE: Final = "afternoon"


def start_afternoon(site: Site) -> str:
    """Start an afternoon's work on a database of its own; return where orders go."""
    site.postgres.ensure_database(DATABASE)
    url = site.postgres.url(DATABASE)
    afternoon.make_tables(url)
    way = ("--worker-class", "gthread", "--threads", str(THREADS))
    return f"{_gunicorn(site, 'afternoon', way, {afternoon.URL: url})}/orders"


def count_afternoon(site: Site) -> int:
    """Count what the afternoon's work has sold."""
    return afternoon.count_orders(site.postgres.url(DATABASE))


def start_behind_flask(site: Site, ports: Ports) -> str:
    """Start the gate behind Flask on gevent; return its address."""
    more = {
        behind_flask.REDIS: site.settings().redis_url,
        behind_flask.KEY: ports.purchase_key.hex(),
    }
    return _gunicorn(site, "behind_flask", ("--worker-class", "gevent"), more)


def start_lane(site: Site, *, proxies: int = 0) -> str:
    """Start the claim lane, with as many workers as the others have; return its address.

    It believes so many proxies, of which there are none: whoever loads it then names requests.
    """
    one = site.program("lane")
    more = {"LANE_WORKERS": str(WORKERS), "TRUSTED_PROXIES": str(proxies)}
    lane = Program(one.name, one.command, {**one.environment, **more})
    url = f"http://127.0.0.1:{lane.environment['LANE_PORT']}"
    site.start(lane, f"{url}/healthz")
    return url


def start_other_lane(site: Site) -> str:
    """Start another lane beside the first, of one worker; return its address."""
    one = site.program("lane")
    return _start_at_a_port(site, Program("other-lane", one.command, one.environment), workers=1)


def start_gate_only(site: Site) -> str:
    """Start a lane that commits nothing, with as many workers; return its address."""
    command = (sys.executable, "-m", "benchmarks.sales.gate_only")
    program = Program("gate-only", command, site.program("lane").environment)
    return _start_at_a_port(site, program, workers=WORKERS)


def start_hello(site: Site) -> str:
    """Start the bare application on Granian; return its address."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = (sys.executable, "-m", "benchmarks.sales.hello", str(port))
    site.start(Program("hello", command, dict(os.environ)), url)
    return url


def _start_at_a_port(site: Site, lane: Program, *, workers: int) -> str:
    port = free_port()
    more = {
        SHARED_DIRECTORY: str(site.folder / f"figures-{lane.name}"),
        "LANE_PORT": str(port),
        "LANE_WORKERS": str(workers),
    }
    url = f"http://127.0.0.1:{port}"
    site.start(Program(lane.name, lane.command, {**lane.environment, **more}), f"{url}/healthz")
    return url


def _gunicorn(site: Site, module: str, way: tuple[str, ...], more: dict[str, str]) -> str:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = (
        *(sys.executable, "-m", "gunicorn", *way, "--workers", str(WORKERS)),
        *("--bind", f"127.0.0.1:{port}", "--keep-alive", "60", "--log-level", "warning"),
        f"benchmarks.sales.{module}:make_app()",
    )
    site.start(Program(module, command, {**os.environ, **more}), f"{url}/healthz")
    return url
