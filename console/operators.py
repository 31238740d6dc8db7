"""Operators and their roles, at an owner's hand; credentials are shown once."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import make_response, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from console.door import confirm, doer, make_room, may
from console.orders import ChangedMeanwhile
from console.ports import keys, now, ports
from console.versions import version_of
from kit.errors import DomainError
from shop.operators import queries, service
from shop.operators.deeds import state_of
from shop.operators.models import Operator
from shop.operators.rules import MAY, BadOperator, NameTaken, Permission, Role
from shop.operators.service import Credentials

Act = Callable[[Session, Operator, datetime], Any]

blueprint = make_room("operators")


@blueprint.get("/operators")
@may(Permission.OPERATORS)
def list_all() -> Response:
    """Show operators, and what each role may do."""
    return _page(200)


@blueprint.post("/operators")
@may(Permission.MANAGE)
def add() -> Response:
    """Make one, and show the credentials once."""
    try:
        with _managing() as session:
            credentials = service.add_operator(
                session,
                name=request.form.get("name", "")[:64],
                roles=request.form.getlist("roles"),
                keys=keys(),
                doer=doer(),
                now=now(),
            )
    except (BadOperator, NameTaken) as refusal:
        return _page(422, refusal=refusal)
    return _page(201, credentials=credentials)


@blueprint.post("/operators/<uuid:operator_id>/reset")
@may(Permission.MANAGE)
def reset(operator_id: UUID) -> Response:
    """Give new credentials, and show them once."""
    with _managing() as session:
        credentials = service.reset_operator(
            session, _seen(session, operator_id), keys=keys(), doer=doer(), now=now()
        )
    return _page(200, credentials=credentials)


@blueprint.post("/operators/<uuid:operator_id>/roles")
@may(Permission.MANAGE)
def set_roles(operator_id: UUID) -> Any:
    """Give exactly these roles."""
    roles = request.form.getlist("roles")
    return _change(
        operator_id,
        lambda session, found, at: service.set_roles(session, found, roles, doer=doer(), now=at),
    )


@blueprint.post("/operators/<uuid:operator_id>/disable")
@may(Permission.MANAGE)
def disable(operator_id: UUID) -> Any:
    """Let them in no more."""
    return _change(
        operator_id,
        lambda session, found, at: service.disable_operator(session, found, doer=doer(), now=at),
    )


@blueprint.post("/operators/<uuid:operator_id>/enable")
@may(Permission.MANAGE)
def enable(operator_id: UUID) -> Any:
    """Let them in again."""
    return _change(
        operator_id,
        lambda session, found, at: service.enable_operator(session, found, doer=doer(), now=at),
    )


@contextmanager
def _managing() -> Iterator[Session]:
    """Open a transaction in which nobody else manages operators, if who asks still may."""
    with ports().begin() as session:
        queries.manage_alone(session)
        confirm(session)
        yield session


def _change(operator_id: UUID, act: Act) -> Any:
    with _managing() as session:
        act(session, _seen(session, operator_id), now())
    return redirect(url_for("console_operators.list_all"), code=303)


def _seen(session: Session, operator_id: UUID) -> Operator:
    """Return the operator, locked, as they were on the page that was shown."""
    found = queries.lock_operator(session, operator_id)
    if request.form.get("version") != version_of(state_of(found)):
        raise ChangedMeanwhile
    return found


def _page(
    status: int, *, credentials: Credentials | None = None, refusal: DomainError | None = None
) -> Response:
    with ports().begin() as session:
        everybody = queries.list_operators(session)
    page = render_template(
        "console/operators.html",
        everybody=everybody,
        versions={one.id: version_of(state_of(one)) for one in everybody},
        roles=Role,
        allowed=MAY,
        permissions=Permission,
        credentials=credentials,
        refusal=refusal,
        typed=request.form,
    )
    return make_response(page, status)
