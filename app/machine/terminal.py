"""What the person at the terminal is told: progress on standard output, refusals on error."""

import sys


def say(text: str) -> None:
    """Tell how far we are."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def complain(text: str) -> None:
    """Tell why not."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
