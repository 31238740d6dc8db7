"""Who looks like a program works before it may claim."""

from datetime import timedelta

from redis import Redis

from flash_sale import challenges
from kit.db import Begin
from tests.factories.sales import LONG_AGO
from tests.miniprogram_api.sales import claim, open_doors, put_on
from tests.miniprogram_api.world import World


class TestChallenges:
    def test_who_looks_like_a_program_works_first(self, begin: Begin, redis: "Redis") -> None:
        world = World(begin, redis, LONG_AGO, options={"challenge_from_score": 35})
        made, person = put_on(world), world.member()
        path = f"/v1/campaigns/{made.id}/purchase-tokens"
        asked = person.post(path, {})
        assert (asked.status_code, asked.get_json()["code"]) == (
            403,
            "flash_sale.challenge_required",
        )
        posed = asked.get_json()["details"]
        answer = challenges.solve(posed["seed"], posed["bits"])
        solution = {"seed": posed["seed"], "answer": answer}
        assert person.post(path, {"solution": solution}).status_code == 201
        open_doors(world)
        refused = claim(person, made)  # and does not get around it by claiming without a token
        assert refused.get_json()["code"] == "flash_sale.challenge_required"
        world.now -= timedelta(minutes=1)
        # Neither another member nor a later moment may use it.
        assert world.member().post(path, {"solution": solution}).status_code == 403
        world.now += challenges.SOLVED_WITHIN
        assert person.post(path, {"solution": solution}).status_code == 403
