"""A leader brings a member: from the page that is shared to the statement, and back."""

from tests.journeys.people import Json, Person, eventually, sign_in, sign_in_code
from tests.running_shop import RunningShop


def test_a_leader_earns_on_whom_they_brought_and_gives_back_what_came_back(
    shop: RunningShop, sku: str, platform: str
) -> None:
    leader, buyer = Person(shop, platform), Person(shop, platform)
    leader_id = leader.get("/me")["id"]
    assert shop.flask("leaders", "approve", leader_id).returncode == 0
    rule = shop.flask(
        *("commissions", "rule", "add", "--basis-points", "1000", "--leader", leader_id)
    )
    assert rule.returncode == 0, rule.stdout
    invite: Json = leader.ask("POST", "/invites", {}).json()["invite"]
    assert invite["code"] in shop.request("GET", invite["share_path"]).text

    answer = sign_in(shop, platform, sign_in_code(buyer), invite_code=invite["code"])
    assert answer.status_code == 200, answer.text
    order = buyer.buy((sku, 3))

    def pending() -> int:
        fen: int = leader.get("/earnings")["sums"]["pending_fen"]
        return fen

    # 1880 fen each: a tenth of three, then of two.
    eventually(lambda: pending() == 564, what="the commission is earned")
    (line,) = order["lines"]
    back = buyer.ask(
        "POST", f"/orders/{order['id']}/refunds", {"line_id": line["id"], "quantity": 1}
    )
    assert back.status_code == 201, back.text
    eventually(lambda: pending() == 376, what="a third of it is clawed back")
    (funnel,) = leader.get("/leader")["funnels"]
    assert (funnel["views"], funnel["members"], funnel["paid_orders"]) == (1, 1, 1)
    assert (funnel["paid_fen"], funnel["refunded_fen"]) == (5640, 1880)

    # Their own order earns them nothing, and neither does a stranger's.
    assert leader.ask("POST", f"/invites/{invite['code']}/open").status_code == 204
    for somebody in (leader, Person(shop, platform)):
        somebody.buy((sku, 1))
    said = shop.flask("commissions", "statement", leader_id).stdout
    assert said.splitlines()[-1].split() == ["sum", "3.76", *["0.00"] * 4]
