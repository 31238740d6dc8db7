"""`flask cards …`: importing files of codes, batches, and the keys that seal them."""

import csv
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import click

from app import process
from kit.clock import monotonic_seconds
from kit.errors import DomainError
from shop.cards import batches, importing, queries, rotation
from shop.cards.code_lines import BadLine
from shop.cards.importing import Looked
from shop.cards.models import Batch
from shop.cards.vault import VaultBroken
from shop.catalog import queries as catalog
from shop.catalog.models import Sku

TELL_EVERY_SECONDS: Final = 5.0
PERSON: Final = "operator"


@click.group("cards", help="Files of codes, batches, and the keys that seal them.")
def group() -> None:
    """Hold the commands."""


@group.command("import", help="Import a CSV, TXT or XLSX file of codes as a batch of a SKU.")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--sku", "sku", required=True, help="Code or id of the SKU.")
@click.option("--source", default="", help="Who supplied the codes.")
@click.option("--dry-run", is_flag=True, help="Look through the file and write nothing.")
@click.option("--skip-bad", is_flag=True, help="Leave refused lines out instead of refusing all.")
@click.option(
    "--errors-to",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write every refused line to this CSV file, its code masked.",
)
def import_cards(
    file: Path, *, sku: str, source: str, dry_run: bool, skip_bad: bool, errors_to: Path | None
) -> None:
    """Exit with 1 and import nothing when lines are refused, unless they may be left out."""
    ports = process.ports()
    now = ports.clock()
    with ports.begin() as session:
        sku_id = _get_sku(session, sku).id
    with _refusals_told():
        with _error_file(errors_to, beside=file) as on_error:
            looked = importing.look_through(
                ports.begin,
                ports.vault,
                file,
                now=now,
                on_error=on_error,
                on_progress=_Progress("looked through"),
            )
        _tell(looked)
        if dry_run:
            click.echo("dry run: nothing is imported")
            return
        added = importing.import_file(
            ports.begin,
            ports.vault,
            looked,
            sku_id=sku_id,
            source=source,
            skip_bad=skip_bad,
            now=now,
            on_progress=_Progress("imported"),
        )
    click.echo(f"{added.cards} imported, batch {added.batch_id}")


@group.command("batches", help="List batches, newest first.")
@click.option("--sku", "sku", help="Only those of this SKU, by code or id.")
def list_batches(sku: str | None) -> None:
    """One line each: id, when, state, SKU, cards by state, key version, file, supplier."""
    with process.ports().begin() as session:
        sku_id = None if sku is None else _get_sku(session, sku).id
        for batch in queries.list_batches(session, sku_id=sku_id):
            counts = queries.count_by_status(session, batch.id)
            told = ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))
            click.echo(
                f"{batch.id}  {batch.created_at:%Y-%m-%d %H:%M}  {batch.status}  "
                f"sku {batch.sku_id}  {told or 'no cards'}  key {batch.master_key_version}  "
                f"{batch.file_name}  {batch.source}".rstrip()
            )


@group.command("freeze", help="Take the free cards of a batch off sale at once.")
@click.argument("batch", type=click.UUID)
def freeze(batch: UUID) -> None:
    """Cards that are held stay with their orders, and are not sold when they come back."""
    _change(batch, batches.freeze_batch)
    click.echo(f"batch {batch} is frozen")


@group.command("unfreeze", help="Put the free cards of a frozen batch on sale again.")
@click.argument("batch", type=click.UUID)
def unfreeze(batch: UUID) -> None:
    """Undo `freeze`."""
    _change(batch, batches.unfreeze_batch)
    click.echo(f"batch {batch} is on sale")


@group.command("undo", help="Remove a batch of which no card was ever held or sold.")
@click.argument("batch", type=click.UUID)
def undo(batch: UUID) -> None:
    """The same codes may be imported again then."""
    removed = _change(batch, batches.undo_batch)
    click.echo(f"batch {batch} is undone, {removed} cards removed")


@group.command("rotate", help="Wrap the keys of all batches by the current master key.")
@click.option("--limit", type=click.IntRange(min=1), help="At most so many batches this time.")
def rotate(limit: int | None) -> None:
    """Killed at any point, the next run takes up what is left."""
    ports = process.ports()
    with _refusals_told():
        done = rotation.rotate(ports.begin, ports.vault, most=limit)
    with ports.begin() as session:
        counts = rotation.count_by_master_key(session)
    current = ports.vault.current_version
    click.echo(f"{done} batch keys wrapped anew")
    for version, count in sorted(counts.items()):
        click.echo(f"{version}: {count} batches{' (current)' if version == current else ' left'}")
    if set(counts) <= {current}:
        click.echo(f"no batch needs any master key but {current}")


@group.command("verify", help="Open every batch key and a sample of codes.")
@click.option("--sample", type=click.IntRange(min=0), default=200, help="Codes to open.")
def verify(sample: int) -> None:
    """Exit with 1 at the first that does not open; no code is shown."""
    ports = process.ports()
    with _refusals_told():
        opened = rotation.prove(ports.begin, ports.vault, sample=sample)
    click.echo(f"{opened.batches} batch keys and {opened.cards} codes open")


class _Progress:
    """Says on standard error how far it is: in place at a terminal, else now and then a line."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._told_at = monotonic_seconds()

    def __call__(self, lines: int) -> None:
        if sys.stderr.isatty():
            click.echo(f"\r{lines} lines {self._what}\033[K", nl=False, err=True)
        elif monotonic_seconds() - self._told_at >= TELL_EVERY_SECONDS:
            self._told_at = monotonic_seconds()
            click.echo(f"{lines} lines {self._what}", err=True)


def _tell(looked: Looked) -> None:
    click.echo(
        f"{looked.lines} lines: {looked.new} good, {looked.bad} bad, "
        f"{looked.duplicates} duplicates in the file, {looked.known} known already"
    )
    for error in looked.first_errors:
        click.echo(f"  line {error.number}: {error.fault} {error.masked}".rstrip())
    more = looked.refused - len(looked.first_errors)
    if more > 0:
        click.echo(f"  and {more} more")


@contextmanager
def _error_file(path: Path | None, *, beside: Path) -> Iterator[Callable[[BadLine], None] | None]:
    if path is None:
        yield None
        return
    if path.exists() and path.samefile(beside):
        raise click.ClickException("the errors cannot go to the file itself")
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    # Spreadsheets know UTF-8 by its mark.
    with open(descriptor, "w", encoding="utf-8-sig", newline="") as file:  # noqa: PTH123 - a descriptor, for the mode
        writer = csv.writer(file)
        writer.writerow(["line", "fault", "code"])
        yield lambda error: writer.writerow([error.number, error.fault.value, error.masked])


def _get_sku(session: Any, code_or_id: str) -> Sku:
    sku = catalog.find_sku(session, code_or_id)
    if sku is None:
        raise click.ClickException(f"there is no SKU {code_or_id}")
    return sku


def _change(batch_id: UUID, act: Callable[..., Any]) -> Any:
    ports = process.ports()
    with _refusals_told(), ports.begin() as session:
        batch: Batch = queries.get_batch(session, batch_id)
        return act(session, batch, actor=PERSON, now=ports.clock())


@contextmanager
def _refusals_told() -> Iterator[None]:
    try:
        yield
    except DomainError as refusal:
        details = ", ".join(f"{name} {value}" for name, value in refusal.details.items())
        raise click.ClickException(
            f"{refusal.title}: {details}" if details else refusal.title
        ) from None
    except VaultBroken as alarm:
        raise click.ClickException(f"THE VAULT IS BROKEN: {alarm}") from None
