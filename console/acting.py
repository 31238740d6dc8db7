"""One write of an operator: the change, or asking for it, and its line in the audit log."""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import g, request, url_for
from sqlalchemy.orm import Session

from console.door import confirm, doer, operator
from console.ports import now, ports
from kit import idempotency
from kit.idempotency import Answer
from shop.approvals import service as approvals
from shop.approvals.rules import Wanted, state_of
from shop.operators.deeds import Doer, write_down


@dataclass
class Deed:
    """What is done, and how its subject stood before and stands after."""

    session: Session
    now: datetime
    doer: Doer
    action: str
    kind: str
    subject: str
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None


@contextmanager
def acting(action: str, kind: str, subject: str = "") -> Iterator[Deed]:
    """Open the transaction of a change, and write it down at its end."""
    at = now()
    with ports().begin() as session:
        confirm(session)
        deed = Deed(session, at, doer(), action, kind, subject)
        yield deed
        if deed.after is None:
            raise RuntimeError(f"{deed.action} does not say how its subject stands after it")
        deed_id = write_down(
            session,
            deed.doer,
            action=deed.action,
            subject_kind=deed.kind,
            subject=deed.subject,
            before=deed.before,
            after=deed.after,
            now=at,
        )
    g.done = deed.action, deed_id  # committed: the answer may offer to undo it


def send_for_approval(deed: Deed, wanted: Wanted) -> str:
    """Ask for it instead of doing it, and return where the request is seen."""
    approval = approvals.ask(deed.session, wanted, by=operator(), now=deed.now)
    deed.action, deed.kind, deed.subject = "approvals.ask", "approval", str(approval.id)
    deed.before, deed.after = None, state_of(approval)
    return url_for("console_approvals.show", approval_id=approval.id)


def earlier_place(deed: Deed, *, part: str = "", but: str = "") -> str | None:
    """Claim the form's key and return None, or return where its first sending led.

    A double click makes one thing, and ends where the first one ends. A form that makes several,
    each in a transaction of its own, has a key for each `part`. Of the field `but`, a secret,
    not even a digest is kept.
    """
    found = idempotency.recall(
        deed.session,
        scope=_scope(),
        key=_key(part),
        request=idempotency.fingerprint(request.method, request.path, _fields(but)),
        now=deed.now,
    )
    return None if found is None else str(found.body["place"])


def keep_place(deed: Deed, place: str, *, part: str = "") -> None:
    """Write down where the form led."""
    answer = Answer(303, {"place": place})
    idempotency.remember(deed.session, scope=_scope(), key=_key(part), answer=answer)


def _scope() -> str:
    return f"operator:{operator().id}"


def _key(part: str) -> str:
    given = request.form.get("form_key", "")[:64] or str(g.get("request_id", ""))
    return hashlib.sha256(f"{given}:{part}".encode()).hexdigest() if part else given


def _fields(but: str) -> dict[str, str]:
    return {name: value for name, value in request.form.items() if name not in ("csrf", but)}
