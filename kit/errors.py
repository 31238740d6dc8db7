"""Refusals: exceptions with a stable code, which one table at the door turns into HTTP."""

from typing import Any, ClassVar


class DomainError(Exception):
    """A refusal. Subclasses set `code` and `title`; `message` is Chinese, ready to show."""

    code: ClassVar[str] = ""
    title: ClassVar[str] = ""  # English, for developers and `Accept-Language: en`
    message: ClassVar[str] = ""

    def __init__(self, **details: Any) -> None:
        """Keep `details`, JSON values that help the client (never secrets or personal data)."""
        super().__init__(self.title or self.code)
        self.details = details


class NotFound(DomainError):
    """There is no such thing, or it belongs to somebody else."""

    code = "not_found"
    title = "Not found"
    message = "没有找到相关内容"


class Unauthenticated(DomainError):
    """Nobody is signed in, or the sign-in has ended."""


class Forbidden(DomainError):
    """The person is known and may not do this."""


class Conflict(DomainError):
    """The state of things refuses."""


class Malformed(DomainError):
    """The request is well-formed HTTP but its content makes no sense."""


class RateLimited(DomainError):
    """Too many requests; `details["retry_after_seconds"]` says when to come back."""

    code = "rate_limited"
    title = "Too many requests"
    message = "操作太频繁，请稍后再试"


class Unavailable(DomainError):
    """Something we depend on is out; trying again later may help."""

    code = "unavailable"
    title = "Temporarily unavailable"
    message = "服务暂时不可用，请稍后再试"
