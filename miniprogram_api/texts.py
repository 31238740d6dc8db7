"""How a route has a text judged that others will read."""

from miniprogram_api.auth import caller
from miniprogram_api.ports import ports
from shop.members import queries as members
from shop.outreach.judging import require_fit


def require_fit_for_others(*texts: str) -> None:
    """Ask the platform where the caller signed in, with no transaction open.

    Raises `TextRefused` or `TextNotJudged`.
    """
    who = caller()
    with ports().begin() as session:
        open_id = members.open_id_of(session, who.sign_in)
    require_fit(ports().content_checks[who.platform], "\n".join(texts), open_id=open_id)
