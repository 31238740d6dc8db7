"""`flask audit`: check every invariant and print one JSON line."""

import json
import os

import click
from sqlalchemy import text

from app import process
from app.auditing.audit import audit
from app.auditing.books import fetch_books
from kit.outbound import Unreachable

AUDIT_SECONDS = 300


@click.command("audit", help="Check every invariant; exit code 1 when any is broken.")
@click.option(
    "--sandbox-url",
    default=None,
    help="Compare with the books of the sandbox there; by default with the one of this machine.",
)
def command(sandbox_url: str | None) -> None:
    """Print {checked, violations}."""
    ports = process.ports()
    url = sandbox_url or _sandbox_of_this_machine()
    try:
        books = fetch_books(url) if url else None
    except Unreachable as error:
        raise click.ClickException(f"the sandbox does not answer: {error}") from None
    with ports.begin() as session:
        # One snapshot for all statements, and more time than a request gets.
        session.execute(
            text(
                "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;"
                f" SET LOCAL statement_timeout = '{AUDIT_SECONDS}s'"
            )
        )
        done = audit(session, ports.vault, books=books, now=ports.clock())
    click.echo(json.dumps(done.as_json(), ensure_ascii=False))
    if done.violations:
        raise SystemExit(1)


def _sandbox_of_this_machine() -> str | None:
    """Return the sandbox's address when our payment platforms are the sandbox's."""
    port = os.environ.get("SANDBOX_PORT")
    ours = f"http://127.0.0.1:{port}/"
    settings = process.settings()
    if (
        port
        and settings.wechat_pay.base_url.startswith(ours)
        and settings.alipay.base_url.startswith(ours)
    ):
        return ours.rstrip("/")
    return None
