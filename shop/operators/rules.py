"""Pure rules of operators: names, passwords, which role may do what, how long a lock-out lasts."""

import re
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from kit.errors import Conflict, Malformed

SIGN_IN: Final = "sign-in"  # who locks an operator out
# Who acts where nobody is signed in, as the audit log and the histories of statuses name them.
MACHINES: Final = frozenset(
    {
        SIGN_IN, "command", "dry-run", "group_buy", "import", "leader", "member", "operator",
        "orders", "outreach", "payment", "platform", "prepay", "reconcile", "referral", "refund",
        "rules", "sample", "scheduler", "system", "waitlist", "worker",
    }
)  # fmt: skip
NAME_FORM: Final = re.compile(r"[a-z][a-z0-9._-]{1,31}")
SHORTEST_PASSWORD: Final = 12
LONGEST_PASSWORD: Final = 200
FREE_FAILURES: Final = 5
FIRST_LOCK: Final = timedelta(minutes=1)
LONGEST_LOCK: Final = timedelta(hours=1)
FORGOTTEN_AFTER: Final = timedelta(hours=1)  # of quiet, once a lock is over
IDLE: Final = timedelta(minutes=60)
LONGEST_STAY: Final = timedelta(hours=12)
SEEN_EVERY: Final = timedelta(minutes=1)


class BadOperator(Malformed):
    """A name, a role or a password makes no sense; `reason` says which."""

    code = "operators.bad_operator"
    title = "The name, the roles or the password make no sense"
    message = "账号、角色或密码不符合要求"


class NameTaken(Conflict):
    """Another operator has this name."""

    code = "operators.name_taken"
    title = "Another operator has this name"
    message = "该账号已存在"


class TriedTooOften(Conflict):
    """After so many wrong guesses nothing is compared for a while."""

    code = "operators.tried_too_often"
    title = "Too many wrong guesses: try again later"
    message = "错误次数过多，请稍后再试"


class LastOwner(Conflict):
    """Nobody would be left who may manage operators."""

    code = "operators.last_owner"
    title = "One active owner must remain"
    message = "至少需要保留一名启用的负责人"


class Permission(StrEnum):
    """What a page or an action of the console asks for."""

    TODAY = "today.see"
    CAMPAIGNS = "campaigns.see"
    PLAN = "campaigns.plan"
    RUN = "campaigns.run"  # pause, resume, cancel
    STOP_ALL = "campaigns.stop_all"
    OUTREACH = "outreach.see"
    PUSH = "outreach.push"  # templates, plans, what somebody saw in a group
    CHAT_GROUPS = "outreach.chat_groups"
    CATALOG = "catalog.see"  # products, SKUs, prices, costs
    CHANGE_CATALOG = "catalog.change"
    STOCK = "stock.see"
    IMPORT = "stock.import"
    FREEZE = "stock.freeze"  # and undo
    EXPORT_CODES = "stock.export_codes"  # in plain text, as one of two persons
    ORDERS = "orders.see"
    REFUNDS = "refunds.see"
    REFUND = "refunds.make"
    MONEY = "money.see"
    RESOLVE = "money.resolve"
    MEMBERS = "members.see"
    SIGN_OUT = "members.sign_out"  # everywhere, when a phone is lost
    LEADERS = "leaders.see"
    APPOINT = "leaders.appoint"  # and decline, and stop
    RATES = "leaders.rates"
    WITHDRAWALS = "withdrawals.see"
    PAY_OUT = "withdrawals.decide"
    GROUPS = "groups.see"  # and order sheets
    COMPLETE = "groups.complete"  # at the house's cost, as one of two persons
    REPORTS = "reports.see"
    EXPORT = "exports.make"  # of lists that one may see
    EXPORTS = "exports.see"  # everybody's
    JOBS = "jobs.see"
    RETRY = "jobs.retry"
    AUDIT = "audit.see"
    APPROVALS = "approvals.see"
    APPROVE = "approvals.decide"  # with the permission for what is asked
    OPERATORS = "operators.see"
    MANAGE = "operators.manage"


class Role(StrEnum):
    """A kind of work; an operator may have several."""

    OWNER = "owner"
    PLANNER = "planner"
    SUPPORT = "support"
    FINANCE = "finance"
    AUDITOR = "auditor"


P = Permission
_SEEING: Final = frozenset(
    {P.TODAY, P.CAMPAIGNS, P.STOCK, P.ORDERS, P.REFUNDS, P.MONEY, P.JOBS, P.AUDIT, P.OPERATORS}
    | {P.MEMBERS, P.LEADERS, P.WITHDRAWALS, P.GROUPS, P.APPROVALS, P.OUTREACH}
    | {P.REPORTS, P.EXPORT, P.EXPORTS, P.CATALOG}
)
MAY: Final[dict[Role, frozenset[Permission]]] = {
    Role.OWNER: frozenset(Permission),
    Role.PLANNER: frozenset(
        {P.TODAY, P.CAMPAIGNS, P.PLAN, P.RUN, P.STOP_ALL, P.STOCK, P.IMPORT, P.FREEZE, P.ORDERS}
        | {P.LEADERS, P.RATES, P.GROUPS, P.COMPLETE, P.APPROVALS, P.APPROVE}
        | {P.OUTREACH, P.PUSH, P.CHAT_GROUPS, P.REPORTS, P.EXPORT_CODES}
        | {P.CATALOG, P.CHANGE_CATALOG}
    ),
    Role.SUPPORT: frozenset(
        {P.TODAY, P.CAMPAIGNS, P.STOCK, P.ORDERS, P.REFUNDS, P.REFUND, P.STOP_ALL}
        | {P.MEMBERS, P.SIGN_OUT, P.LEADERS, P.APPOINT, P.GROUPS, P.COMPLETE, P.APPROVALS}
        | {P.OUTREACH, P.CATALOG}
    ),
    Role.FINANCE: frozenset(
        {P.TODAY, P.ORDERS, P.REFUNDS, P.REFUND, P.MONEY, P.RESOLVE, P.JOBS, P.RETRY}
        | {P.MEMBERS, P.LEADERS, P.WITHDRAWALS, P.PAY_OUT, P.APPROVALS, P.APPROVE}
        | {P.REPORTS, P.EXPORT, P.CATALOG}
    ),
    Role.AUDITOR: _SEEING,
}


def permissions_of(roles: Iterable[str]) -> frozenset[Permission]:
    """Return what somebody with these roles may do; a role nobody knows allows nothing."""
    known = {role.value: MAY[role] for role in Role}
    return frozenset().union(*(known.get(role, frozenset()) for role in roles))


def check_name(name: str) -> str:
    """Return the name as it is kept, or raise `BadOperator`."""
    wanted = name.strip().lower()
    if wanted in MACHINES:
        raise BadOperator(reason="the name stands for a machine in the audit log")
    if NAME_FORM.fullmatch(wanted) is None:
        raise BadOperator(reason="a name has 2 to 32 of a-z, 0-9, dot, dash and underscore")
    return wanted


def check_roles(roles: Collection[str]) -> list[str]:
    """Return the roles in the order of their list, or raise `BadOperator`."""
    if not roles or set(roles) - {role.value for role in Role}:
        raise BadOperator(reason=f"roles are of {', '.join(role.value for role in Role)}")
    return [role.value for role in Role if role.value in roles]


def check_password(password: str, *, name: str) -> None:
    """Raise `BadOperator` unless it could be a password."""
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise BadOperator(reason=f"a password has at least {SHORTEST_PASSWORD} characters")
    if name in password.lower() or len(set(password)) < 6:
        raise BadOperator(reason="the password is too easy to guess")


def count_failure(failures: int, locked_until: datetime | None, *, now: datetime) -> int:
    """Return how many failures there are with this one; those before a long quiet are forgotten."""
    is_forgotten = locked_until is not None and now - locked_until >= FORGOTTEN_AFTER
    return 1 if is_forgotten else failures + 1


def locked_for(failures: int) -> timedelta:
    """Return how long nobody may try again after so many failures in a row; it doubles."""
    if failures < FREE_FAILURES:
        return timedelta(0)
    doublings = min(failures - FREE_FAILURES, 10)
    return min(FIRST_LOCK * (1 << doublings), LONGEST_LOCK)
