"""Taking turns by name: what does not exist yet has no row to lock."""

import hashlib

from sqlalchemy import func, select
from sqlalchemy.orm import Session


def take_turns(session: Session, *names: str | bytes) -> None:
    """Wait until no other transaction holds the turn of `names`, and hold it to our own end.

    Taken before rows are locked, so that whoever waits here keeps nobody waiting.
    """
    digest = hashlib.sha256()
    for name in names:
        text = name if isinstance(name, bytes) else name.encode()
        digest.update(len(text).to_bytes(8, "big") + text)
    number = int.from_bytes(digest.digest()[:8], "big", signed=True)
    session.execute(select(func.pg_advisory_xact_lock(number)))
