"""`flask cards …`: importing code files, and what may be done to batches."""

import click


@click.group("cards", help="The card vault.")
def group() -> None:
    """Hold the commands."""
