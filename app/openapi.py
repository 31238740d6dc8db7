"""Finishing the OpenAPI document: the problems, their codes, and the headers every route shares."""

import importlib
import json
import pkgutil
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, Final

from apiflask import APIFlask
from flask import Flask

import console
import flash_sale
import group_buy
import kit
import miniprogram_api
import shop
from app import problem_words
from app.bodies import MalformedBody
from kit.errors import DomainError, NotFound, RateLimited, Unavailable
from kit.idempotency import IdempotencyKeyReused
from miniprogram_api.auth import SignInRequired
from miniprogram_api.idempotency import IdempotencyKeyRequired

VERSION: Final = "1.0.0"
METHODS: Final = ("get", "post", "patch", "put", "delete")
_PACKAGES: Final = ("app", "console", "flash_sale", "group_buy", "kit", "miniprogram_api", "shop")
_REF: Final = "#/components/schemas/"

DESCRIPTION: Final = """\
The members' interface of Tuanka 团卡. Money is in fen (CNY 0.01), times are ISO 8601 in UTC, ids
are UUIDv7. Every refusal is `application/problem+json` (RFC 9457) with a stable `code`; `x-codes`
of the schema `Problem` lists them all. `detail` is Chinese and may be shown; `Accept-Language: en`
gives English. 429 and 503 carry `Retry-After`."""

_PARAMETERS: Final[Mapping[str, dict[str, Any]]] = {
    "IdempotencyKey": {
        "name": "Idempotency-Key",
        "in": "header",
        "required": True,
        "description": "Made by the client, new for each wish and the same for each repeat of it.",
        "schema": {"type": "string", "pattern": "^[\\x21-\\x7e]{1,64}$"},
    },
    "ClientChannel": {
        "name": "X-Client-Channel",
        "in": "header",
        "required": False,
        "description": "Where the client runs; without it, the platform of the sign-in tells.",
        "schema": {"type": "string", "enum": ["weapp_ios", "weapp_android", "alipay", "h5"]},
    },
    "IfNoneMatch": {
        "name": "If-None-Match",
        "in": "header",
        "required": False,
        "description": "The ETag of an earlier answer; 304 when it still holds.",
        "schema": {"type": "string"},
    },
}

_UUID: Final = {"type": "string", "format": "uuid"}
_IN_PATHS: Final = {"invite_code": {"type": "string", "pattern": "^[0-9A-Za-z]{1,32}$"}}


def prepare(app: APIFlask) -> None:
    """Set what the document is made with."""
    app.config.update(
        OPENAPI_VERSION="3.1.0",
        AUTO_SERVERS=False,
        AUTO_404_RESPONSE=False,
        AUTO_VALIDATION_ERROR_RESPONSE=False,
        AUTO_AUTH_ERROR_RESPONSE=False,
        AUTO_OPERATION_ID=True,
        INFO={"description": DESCRIPTION, "license": {"name": "Apache-2.0"}},
        SECURITY_SCHEMES={"bearer": {"type": "http", "scheme": "bearer"}},
    )

    @app.spec_processor
    def _finish(spec: Any) -> Any:
        return finish(app, spec)


def as_text(app: APIFlask) -> str:
    """Return the document as JSON text, the same for the same code."""
    return json.dumps(app.spec, ensure_ascii=False, indent=2, sort_keys=True) + "\n"


def finish(app: Flask, spec: dict[str, Any]) -> dict[str, Any]:
    """Return the document with problems, shared headers and plain schema names."""
    spec = _with_plain_names(spec)
    spec["components"]["schemas"]["Problem"] = _problem_schema()
    spec["components"]["parameters"] = dict(_PARAMETERS)
    for method, path, view in _operations(app):
        operation = spec["paths"].get(path, {}).get(method)
        if operation is not None:
            _finish_operation(spec, operation, path, view)
    return spec


def all_refusals() -> list[type[DomainError]]:
    """Return every refusal with a code that our packages declare, by code."""
    _import_everything()
    found: dict[str, type[DomainError]] = {}
    waiting: list[type[DomainError]] = [DomainError]
    while waiting:
        kind = waiting.pop()
        waiting.extend(kind.__subclasses__())
        if "code" in vars(kind) and kind.code and kind.__module__.split(".")[0] in _PACKAGES:
            found[kind.code] = kind
    return [found[code] for code in sorted(found)]


def _import_everything() -> None:
    """Load each module that may declare a refusal, whether a route needs it or not."""
    for package in (kit, shop, flash_sale, group_buy, miniprogram_api, console):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)


def _operations(app: Flask) -> Iterator[tuple[str, str, Any]]:
    for rule in app.url_map.iter_rules():
        path = re.sub(r"<(?:[^<:]+:)?([^>]+)>", r"{\1}", rule.rule)
        for method in sorted(rule.methods or ()):
            if method.lower() in METHODS:
                yield method.lower(), path, app.view_functions[rule.endpoint]


def _finish_operation(
    spec: dict[str, Any], operation: dict[str, Any], path: str, view: Any
) -> None:
    marks = vars(view)
    for name in _shared_parameters(spec, operation, marks):
        operation.setdefault("parameters", []).append({"$ref": f"#/components/parameters/{name}"})
    for body in operation.get("requestBody", {}).get("content", {}).values():
        operation["requestBody"]["required"] = bool(_schema(spec, body).get("required"))
    for parameter in operation.get("parameters", []):
        if parameter.get("in") == "path":
            parameter["schema"] = _IN_PATHS.get(parameter["name"], _UUID)
    if path.startswith("/v1/"):
        if not marks.get("is_open_to_all", False):
            operation["security"] = [{"bearer": []}]
        _add_problems(operation, _refusals_of(path, marks))


def _refusals_of(path: str, marks: Mapping[str, Any]) -> list[type[DomainError]]:
    refusals = [*marks.get("refusals", ()), RateLimited, Unavailable]
    if not marks.get("is_open_to_all", False):
        refusals.append(SignInRequired)
    if marks.get("needs_idempotency_key"):
        refusals.extend((IdempotencyKeyRequired, IdempotencyKeyReused))
    if "{" in path:
        refusals.append(NotFound)
    return refusals


def _shared_parameters(
    spec: dict[str, Any], operation: dict[str, Any], marks: Mapping[str, Any]
) -> list[str]:
    names = []
    if marks.get("needs_idempotency_key"):
        names.append("IdempotencyKey")
    if marks.get("takes_client_channel"):
        names.append("ClientChannel")
    if _is_read(spec, operation):
        names.append("IfNoneMatch")
        operation["responses"]["304"] = {"description": "It has not changed."}
        operation["responses"]["200"]["headers"] = {
            "ETag": {"description": "Changes with the content.", "schema": {"type": "string"}}
        }
    return names


def _is_read(spec: dict[str, Any], operation: dict[str, Any]) -> bool:
    content = operation["responses"].get("200", {}).get("content", {})
    return "poll_after_ms" in _schema(spec, content.get("application/json", {})).get(
        "properties", {}
    )


def _schema(spec: dict[str, Any], content: dict[str, Any]) -> dict[str, Any]:
    name = content.get("schema", {}).get("$ref", "").removeprefix(_REF)
    found: dict[str, Any] = spec["components"]["schemas"].get(name, {})
    return found


def _add_problems(operation: dict[str, Any], refusals: list[type[DomainError]]) -> None:
    codes: dict[int, set[str]] = defaultdict(set)
    for refusal in refusals:
        codes[problem_words.status_of(refusal)].add(refusal.code)
    if "requestBody" in operation or operation.get("parameters"):
        codes[422].add(MalformedBody.code)
    if "requestBody" in operation:
        codes[413].add(problem_words.HTTP_WORDS[413].code)
        codes[415].add(problem_words.HTTP_WORDS[415].code)
    codes[500].add(problem_words.HTTP_WORDS[500].code)
    for status, named in codes.items():
        listed = sorted(named)
        operation["responses"][str(int(status))] = {
            "description": "Problem with code " + ", ".join(f"`{code}`" for code in listed),
            "x-codes": listed,
            "content": {problem_words.MEDIA_TYPE: {"schema": {"$ref": f"{_REF}Problem"}}},
        }


def _problem_schema() -> dict[str, Any]:
    table = {
        refusal.code: {
            "status": int(problem_words.status_of(refusal)),
            "title": refusal.title,
            "detail": refusal.message,
        }
        for refusal in all_refusals()
    }
    for status, words in problem_words.HTTP_WORDS.items():
        row = {"status": status, "title": words.title, "detail": words.message}
        table.setdefault(words.code, row)
    text = {"type": "string"}
    return {
        "type": "object",
        "description": "A refusal or failure (RFC 9457).",
        "additionalProperties": False,
        "required": ["type", "status", "code", "title", "detail", "request_id"],
        "properties": {
            "type": {"const": "about:blank"},
            "status": {"type": "integer"},
            "code": {"type": "string", "enum": sorted(table)},
            "title": text,
            "detail": {"type": "string", "description": "Ready to show."},
            "request_id": text,
            "details": {"type": "object", "description": "Values that belong to the code."},
            "errors": {
                "type": "array",
                "items": {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["field", "code", "message"],
                    "properties": {"field": text, "code": text, "message": text},
                },
            },
        },
        "x-codes": dict(sorted(table.items())),
    }


def _with_plain_names(spec: dict[str, Any]) -> dict[str, Any]:
    """Give each nested schema its own name once, instead of one copy per schema that holds it."""
    text = json.dumps(spec)
    for name in spec.get("components", {}).get("schemas", {}):
        if "." in name:
            text = text.replace(f'"{_REF}{name}"', f'"{_REF}{name.rsplit(".", 1)[1]}"')
    plain: dict[str, Any] = json.loads(text)
    schemas = plain.setdefault("components", {}).setdefault("schemas", {})
    plain["components"]["schemas"] = {
        name.rsplit(".", 1)[-1]: schema for name, schema in schemas.items()
    }
    return plain
