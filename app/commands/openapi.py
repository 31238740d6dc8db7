"""`flask openapi` writes the API document; with `--check` it says whether the code has left it."""

from pathlib import Path
from typing import Final

import click

from app.options import WebOptions

DOCUMENT: Final = Path(__file__).resolve().parents[2] / "docs" / "openapi.json"


@click.command("openapi", help="Write docs/openapi.json from the code.")
@click.option("--check", is_flag=True, help="Write nothing; fail when the file differs.")
def command(check: bool) -> None:
    """Write or check the document; needs neither settings nor a database."""
    # Only this command needs the whole web; worker and scheduler do without it in memory.
    from app import openapi  # noqa: PLC0415
    from app.factory import assemble  # noqa: PLC0415

    text = openapi.as_text(assemble(WebOptions()))
    if not check:
        DOCUMENT.write_text(text, encoding="utf-8")
        return
    if not DOCUMENT.exists() or DOCUMENT.read_text(encoding="utf-8") != text:
        raise click.ClickException("docs/openapi.json differs from the code: run `make spec`")
