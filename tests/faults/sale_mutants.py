"""Sabotage of flash sales: the thoughts left out one by one, and the tests that must notice."""

from typing import Final

from tests.faults.mutants import Mutant

INTERLEAVINGS: Final = "tests/races/test_sale_interleavings.py"
SALES: Final = "tests/flash_sale"

SALE_MUTANTS: Final = (
    Mutant(
        "c46 the cards of a crowd are read, then written",
        "shop/cards/crowds.py",
        (
            ("        .with_for_update(skip_locked=skip_locked)\n", ""),
            ("    if len(moved) != len(card_ids):\n", "    if not moved:\n"),
        ),
        INTERLEAVINGS,
        "claim_and_claim",
        also=(("kit/lifecycle.py", "table.c.status == _constant(old), ids", "ids"),),
    ),
    Mutant(
        "c53 members are not locked while their units are counted",
        "shop/members/queries.py",
        (("    .with_for_update(key_share=True)\n", ""),),
        INTERLEAVINGS,
        "same_members",
    ),
    Mutant(
        "c53 no index has the last word on a member's units",
        "migrations/versions/2026_11_25_2200_flash_sales.py",
        (
            (
                ('        ["campaign_id", "member_id", "unit_no"],\n        unique=True,\n'),
                '        ["campaign_id", "member_id", "unit_no"],\n        unique=False,\n',
            ),
        ),
        f"{SALES}/test_owning.py",
        "last_word",
    ),
    Mutant(
        "an offer sets nothing aside",
        "flash_sale/waiting.py",
        (
            (
                (
                    "    allotments.hand_on(session, from_id=terms.item_id, to_id=wait.id,"
                    " quantity=1, now=now)\n"
                ),
                "",
            ),
        ),
        f"{SALES}/test_waiting.py",
        "nobody_else_has",
        is_quick=True,
    ),
    Mutant(
        "the last to come is the first to be offered a unit",
        "flash_sale/waiting.py",
        ((".order_by(Wait.rank, Wait.place)\n", ".order_by(Wait.rank, Wait.place.desc())\n"),),
        f"{SALES}/test_waiting.py",
        "waits_longest",
    ),
    Mutant(
        "a late payment has the unit that others wait for",
        "shop/orders/crowds.py",
        (('"all_is_revivable": False', '"all_is_revivable": True'),),
        f"{SALES}/test_claims.py",
        "late_payment",
    ),
    Mutant(
        "a lottery's units are offered before its draw",
        "flash_sale/waiting.py",
        ((" and is_drawn\n", "\n"),),
        f"{SALES}/test_lottery.py",
        "before_the_draw",
    ),
    Mutant(
        "a draw does not wait for whoever is registering",
        "flash_sale/lottery.py",
        (
            (
                (
                    "    session.get_one(FlashTerms, campaign_id, with_for_update=True,"
                    " populate_existing=True)\n"
                ),
                "",
            ),
        ),
        INTERLEAVINGS,
        "register_and_draw",
    ),
    Mutant(
        "a lottery is settled by the clock",
        "shop/campaigns/turning.py",
        (
            (
                "        (CAMPAIGNS.c.needs_release, None),",
                "        (CAMPAIGNS.c.is_stopped, None),",
            ),
        ),
        f"{SALES}/test_lottery.py",
        "however_late",
    ),
    Mutant(
        "the end of a queue does not wait for whoever is joining",
        "flash_sale/waiting.py",
        (
            (
                (
                    "    session.get_one(FlashTerms, campaign_id, with_for_update=True,"
                    " populate_existing=True)\n"
                ),
                "",
            ),
        ),
        INTERLEAVINGS,
        "join_and_end",
    ),
    Mutant(
        "the card of an offer goes back to a campaign that is settled",
        "flash_sale/waiting.py",
        (("to=None if is_settled else terms.item_id", "to=terms.item_id"),),
        f"{SALES}/test_waiting_ends.py",
        "settled",
    ),
)
