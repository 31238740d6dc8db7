"""The programme of the evening: which part plays which scene in which act."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from demo import arriving, buying, leading, pushing, straying, together
from demo.cast import CLAIMANT, LED, NEIGHBOUR, PARTS
from demo.chronicle import Deal
from demo.evening import Evening, Scene
from demo.flash_sale import act as flash_sale


@dataclass(frozen=True, slots=True)
class Act:
    """Scenes that are played at the same time."""

    heading: str
    scenes: dict[str, Scene]


ARRIVING: Final = Act(
    "the members come in: they sign in, agree to the terms, look around",
    {part.name: arriving.arrive for part in (*PARTS, NEIGHBOUR, LED)},
)
DAWDLING: Final = Act(
    "some order and do not pay in time",
    {
        "forgetful": straying.order_and_forget,
        "late_payer": straying.dawdle,
        "too_late_payer": straying.dawdle_over_the_rare,
    },
)
LAST_MOMENT: Final = Act(
    "some wait for the last second", {"last_minute": straying.pay_at_the_last_moment}
)
BUYING: Final = Act(
    "the others buy, pay, look at their codes, change their minds",
    {
        "buyer": buying.buy_one,
        "basket": buying.buy_basket,
        "saver": buying.buy_and_keep,
        "double_clicker": buying.click_twice,
        "switcher": buying.switch_cashier,
        "double_payer": straying.pay_twice,
        "canceller": straying.cancel,
        "paid_after_cancelling": straying.cancel_and_pay,
        "returner": buying.buy_then_return,
        "part_returner": buying.return_in_parts,
        "regretter": buying.regret,
        "leaver": arriving.leave,
        "joiner": arriving.buy_on_both_then_join,
        "family": arriving.come_back_as_family,
        "unheard": straying.pay_unheard,
        "misheard": straying.pay_misheard,
        "victim": straying.be_forged,
    },
)
LAPSING: Final = Act(
    "the time to pay is over for those who dawdled",
    {"forgetful": straying.remember_too_late, "too_late_payer": straying.see_it_lapse},
)
LAST_BUYING: Final = Act(
    "what they let go is bought by others", {"last_buyer": buying.buy_the_last}
)
LATE: Final = Act(
    "late money arrives; somebody pries",
    {
        "late_payer": straying.pay_late,
        "too_late_payer": straying.pay_late,
        "nosy": straying.pry,
    },
)


def play(
    evening: Evening, *, plan_deals: Callable[[], Sequence[Deal]], folder: Path, seed: int
) -> None:
    """Play the evening from beginning to end; the operator plans while the members come in."""
    sale = threading.Thread(target=_rush, args=(evening, folder, seed), name="sale")
    sale.start()
    with ThreadPoolExecutor(1, thread_name_prefix="operator") as operator:
        planning = operator.submit(plan_deals)
        _act(evening, ARRIVING)
        evening.offers = _choose_offers(evening)
        _act(evening, DAWDLING)
        evening.deals = planning.result()
    asides = (
        threading.Thread(target=_act, args=(evening, LAST_MOMENT), name="aside"),
        threading.Thread(target=_buy_together, args=(evening,), name="together"),
        threading.Thread(target=_lead, args=(evening,), name="led"),
    )
    for aside in asides:
        aside.start()
    for act in (BUYING, LAPSING, LAST_BUYING, LATE):
        _act(evening, act)
    for aside in (*asides, sale):
        aside.join()
    if evening.sale is not None:
        evening.deals = [*evening.deals, evening.sale.deal]


def _rush(evening: Evening, folder: Path, seed: int) -> None:
    evening.chronicle.tell("— beside all this, a crowd comes for the flash sale")
    people = [person for person in evening.people if person.part is CLAIMANT]
    evening.tell_tale(flash_sale.play, people, folder, seed)


def _buy_together(evening: Evening) -> None:
    evening.chronicle.tell("— beside them, neighbours buy together when the campaigns open")
    people = [person for person in evening.people if person.part is NEIGHBOUR]
    evening.tell_tale(together.play, people)


def _lead(evening: Evening) -> None:
    evening.chronicle.tell("— a leader brings neighbours along")
    people = [person for person in evening.people if person.part is LED]
    evening.tell_tale(leading.lead, people)
    evening.chronicle.tell("— an operator pushes a campaign into the leader's chat groups")
    evening.tell_tale(pushing.push, people)


def _act(evening: Evening, act: Act) -> None:
    evening.chronicle.tell(f"— {act.heading}")
    evening.play(act.scenes)
    counts = evening.chronicle.counts
    evening.chronicle.tell(
        f"  {counts['members']} members, {counts['orders']} orders, "
        f"{counts['payments']} payments, {counts['reveals']} codes seen"
    )


def _choose_offers(evening: Evening) -> list[dict[str, object]]:
    """Return what of the catalogue there is enough of for everybody."""
    products = evening.people[0].program.browse()
    evening.chronicle.probe("there is something to choose from", "True", bool(products))
    skus = [
        sku
        for product in products
        for sku in product["skus"]
        if sku["can_buy"]["ok"] and sku["limit_per_day"] is None and sku["stock_left"] >= 30
    ]
    return [sku for sku in skus if sku["id"] not in (evening.special_sku, evening.rare_sku)]
