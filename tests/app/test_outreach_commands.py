"""`flask chat-groups …`, `flask pushes …` and `flask notices …` as an operator types them."""

from collections.abc import Callable
from datetime import datetime, timedelta
from types import SimpleNamespace
from uuid import uuid4

import pytest
from click.testing import CliRunner, Result

from app import process
from app.commands import chat_groups, notices, pushes
from kit.db import Begin
from tests.factories.groups import LONG_AGO
from tests.factories.outreach import BASE_URL, ROBOT_KEYS, TEXT, OutreachBench, at_noon

Run = Callable[..., Result]
GROUPS = {
    "chat-groups": chat_groups.group,
    "pushes": pushes.group,
    "notices": notices.group,
}
KEY = "a-robots-key-123"


@pytest.fixture
def now() -> datetime:
    """Return a noon that is past by the database's clock, too."""
    return at_noon(LONG_AGO)


@pytest.fixture
def bench(begin: Begin, now: datetime) -> OutreachBench:
    """Return a shop in which nothing stays."""
    return OutreachBench(begin, now)


@pytest.fixture
def flask(bench: OutreachBench, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return a function that runs a command over the bench's database."""
    ports = SimpleNamespace(
        begin=bench.begin,
        clock=lambda: bench.now,
        robot_keys=ROBOT_KEYS,
        public_base_url=BASE_URL,
    )
    monkeypatch.setattr(process, "ports", lambda: ports)

    def run(name: str, *words: object, typed: str = "") -> Result:
        return CliRunner().invoke(GROUPS[name], [str(word) for word in words], input=typed)

    return run


class TestChatGroups:
    """flask chat-groups add, list, opengid, retire."""

    def test_are_added_listed_named_and_retired(self, bench: OutreachBench, flask: Run) -> None:
        """A robot's key is typed unseen and never shown again."""
        leader = bench.leader()
        words = ("add", "--leader", leader, "--name", "三号楼", "--robot", "--by", "小王")
        made = flask("chat-groups", *words, typed=f"{KEY}\n")
        assert made.exit_code == 0, made.output
        robot_id = made.output.split()[-1]
        words = ("add", "--leader", leader, "--name", "四号楼", "--chat-id", "c1", "--sender", "o1")
        customer = flask("chat-groups", *words)
        assert customer.exit_code == 0, customer.output
        assert flask("chat-groups", "opengid", robot_id, "tGid1").exit_code == 0
        words = ("change", robot_id, "--name", "五号楼", "--daily-quota", 2)
        assert flask("chat-groups", *words).exit_code == 0
        assert flask("chat-groups", "robot", robot_id, typed="another-key-1\n").exit_code == 0
        assert flask("chat-groups", "pause", robot_id).exit_code == 0
        assert "2 a day  +0 -0  五号楼  paused" in flask("chat-groups", "list").output
        assert flask("chat-groups", "resume", robot_id).exit_code == 0
        assert flask("chat-groups", "retire", robot_id).exit_code == 0
        assert flask("chat-groups", "pause", robot_id).exit_code == 1
        listed = flask("chat-groups", "list").output
        assert KEY not in listed + made.output
        newest, oldest = listed.splitlines()
        assert "c1 by o1" in newest
        assert oldest.endswith("五号楼  retired")

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (("--robot",), "another chat group"),
            (("--chat-id", "c9"), "makes no sense"),
            (("--robot", "--chat-id", "c9"), "makes no sense"),
            (("--chat-id", "c9", "--sender", "o", "--daily-quota", "-1"), "makes no sense"),
            (("--chat-id", "c9", "--sender", "o", "--opengid", "ä"), "makes no sense"),
        ],
    )
    def test_say_what_is_wrong(
        self, bench: OutreachBench, flask: Run, words: tuple[str, ...], said: str
    ) -> None:
        """A robot that another group has, half a customer group, both at once."""
        known = bench.robot_group()
        whole = ("add", "--leader", known.leader_id, "--name", "x", *words)
        answer = flask("chat-groups", *whole, typed=f"{known.name}\n")
        assert answer.exit_code == 1
        assert said in answer.output.lower()

    def test_only_leaders_run_them(self, bench: OutreachBench, flask: Run) -> None:
        """Neither other members nor nobody."""
        for member, said in ((bench.member(), "not an approved leader"), (uuid4(), "no such")):
            words = ("add", "--leader", member, "--name", "x", "--chat-id", "c", "--sender", "o")
            answer = flask("chat-groups", *words)
            assert answer.exit_code == 1
            assert said in answer.output
        assert flask("chat-groups", "retire", uuid4()).exit_code == 1


class TestPushes:
    """flask pushes template, preview, plan, list, results."""

    def test_are_planned_listed_and_counted(self, bench: OutreachBench, flask: Run) -> None:
        """From the text to what came of it."""
        bench.robot_group()
        bench.customer_group()
        campaign_id = bench.plain_campaign(warms_before=timedelta(minutes=30))
        assert flask("pushes", "template", "add", "open", TEXT).exit_code == 0
        assert flask("pushes", "template", "list").output == f"open: {TEXT}\n"
        words = ("plan", campaign_id, "--edge", "open", "--edge", "warming", "--template", "open")
        planned = flask("pushes", *words)
        assert planned.exit_code == 0, planned.output
        assert flask("pushes", *words).exit_code == 1
        bench.pass_time(timedelta(hours=1))
        bench.push_on()  # of each chat group, one a ring
        listed = flask("pushes", "list", campaign_id, "--text").output
        assert listed.count(f"{BASE_URL}/s/") == 8
        assert listed.count("/poster.png") == 4
        assert "skipped; the campaign is live" in listed
        counted = flask("pushes", "results", campaign_id).output
        assert counted == "warming: 2 skipped\nopen: 1 sent, 1 awaiting_owner\n"
        sent = flask("pushes", "list", campaign_id, "--status", "sent").output
        assert sent.count("\n") == 1
        assert flask("pushes", "looked", sent.split()[1], "--missing").exit_code == 1  # it is known

    def test_late_chat_groups_are_planned_for(self, bench: OutreachBench, flask: Run) -> None:
        """As often as one likes, each once."""
        campaign_id = bench.plain_campaign()
        bench.plan(campaign_id)
        bench.robot_group()
        assert flask("pushes", "plan-again", campaign_id).output == "1\n"
        assert flask("pushes", "plan-again", campaign_id).output == "0\n"
        assert flask("pushes", "plan-again", uuid4()).exit_code == 1

    def test_what_somebody_saw_is_written_down(self, bench: OutreachBench, flask: Run) -> None:
        """A message of which no answer came is in its group, or it has failed."""
        bench.robot_group()
        campaign_id = bench.plain_campaign(starts_in=timedelta(0), lasts=timedelta(hours=6))
        bench.plan(campaign_id)
        bench.robots.trouble.lose_answers()
        bench.ring()
        (push,) = bench.pushes(campaign_id)
        assert flask("pushes", "looked", push.id, "--missing").exit_code == 0
        assert "failed" in flask("pushes", "list", campaign_id).output

    def test_a_text_is_looked_at_before_it_is_kept(self, flask: Run) -> None:
        """For both channels; what is refused says why."""
        shown = flask("pushes", "preview", TEXT).output
        assert shown.count("【周五拼团】99.00 元") == 2
        for text in ("{phone} {link}", "{link} evil.com", "no link"):
            for words in (("preview", text), ("template", "add", "bad", text)):
                answer = flask("pushes", *words)
                assert answer.exit_code == 1
                assert "reason" in answer.output
        assert flask("pushes", "plan", uuid4(), "--edge", "open", "--template", "x").exit_code == 1


class TestNotices:
    """flask notices template, list."""

    def test_a_platforms_template_is_set_and_changed(self, flask: Run) -> None:
        """The last word counts."""
        for template_id in ("T1", "T2"):
            words = ("template", "unit_offered", "wechat", template_id)
            answer = flask("notices", *words, "--field", "thing1", "{campaign}")
            assert answer.exit_code == 0, answer.output
        assert flask("notices", "list").output == "unit_offered  wechat  T2  thing1={campaign}\n"

    @pytest.mark.parametrize(
        "field", [("thing1", "{amount}"), ("thong1", "{campaign}"), ("thing1", " ")]
    )
    def test_what_it_cannot_be_filled_with_is_refused(
        self, flask: Run, field: tuple[str, str]
    ) -> None:
        """Facts that the kind does not have, fields of no known type, nothing."""
        answer = flask("notices", "template", "unit_offered", "wechat", "T1", "--field", *field)
        assert answer.exit_code == 1
