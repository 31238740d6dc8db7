"""The sweep of posters: codes and links that somebody looked for are made at the platforms."""

import logging
from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from kit.db import Begin
from kit.sweep import Swept, sweep
from shop.posters import queries, service
from shop.posters.makers import CodeKind, CodeMaker, MakerRefused, MakerSilent

log = logging.getLogger(__name__)


def make_due_codes(
    begin: Begin, makers: Mapping[CodeKind, CodeMaker], *, now: datetime, at_once: int = 1
) -> Swept:
    """Have codes made; meanwhile, and while a platform is out, posters bear a QR code."""

    def act(code_id: UUID) -> None:
        with begin() as session:
            taken = service.take_code(session, code_id, now=now)
        if taken is None:
            return
        kind, invite_code = taken
        try:
            made = makers[kind].make(invite_code=invite_code, now=now)
        except (MakerSilent, MakerRefused) as exc:
            is_refusal = isinstance(exc, MakerRefused)
            if is_refusal:
                log.warning("codes are refused", extra={"kind": kind.value, "why": str(exc)})
            with begin() as session:
                service.put_off(session, code_id, str(exc), is_refusal=is_refusal, now=now)
            return
        with begin() as session:
            service.keep_code(session, code_id, made, now=now)

    return sweep(begin, queries.due_codes(now), act, name="make_due_codes", at_once=at_once)
