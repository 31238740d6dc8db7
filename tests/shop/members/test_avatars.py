"""Avatars: shown to others when a platform has found nothing in them, and not before."""

from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from kit.db import Begin
from shop.members import avatars, jobs, service
from shop.members.avatars import MOST_QUESTIONS, VERDICT_WITHIN, ImageVerdict
from shop.members.joining import join_members
from shop.members.models import AvatarCheck, AvatarStatus, Identity, Member
from shop.members.phones import PhoneBook
from shop.members.platforms import ImageCheck, Platform
from tests.doubles.pushes import MemoryImages
from tests.factories.bench import Bench

URL, OTHER = "https://img.example/a.png", "https://img.example/b.png"
A = AvatarStatus
FIT, UNFIT, NOT_SEEN = ImageVerdict.FIT, ImageVerdict.UNFIT, ImageVerdict.NOT_SEEN
BOOK = PhoneBook(key=b"k" * 32, hash_key=b"h" * 32)


class Gallery(Bench):
    """A shop in which members have avatars."""

    images: MemoryImages

    def __post_init__(self) -> None:
        self.images = MemoryImages()

    @property
    def checks(self) -> Mapping[Platform, ImageCheck]:
        return {Platform.WECHAT: self.images}

    def show(self, member_id: UUID, url: str | None = URL) -> None:
        with self.begin() as session:
            service.update_profile(session, member_id, now=self.now, avatar_url=url)

    def look(self) -> None:
        swept = jobs.check_due_avatars(self.begin, self.checks, now=self.now)
        assert swept.failed == 0

    def say(self, verdict: ImageVerdict, nth: int = 1) -> bool | None:
        with self.begin() as session:
            return avatars.record_verdict(session, f"trace-{nth}", verdict, now=self.now)

    def is_fit(self, member_id: UUID) -> bool:
        with self.begin() as session:
            return session.get_one(Member, member_id, populate_existing=True).is_avatar_fit

    def standing(self) -> list[AvatarStatus]:
        with self.begin() as session:
            return list(session.scalars(select(AvatarCheck.status).order_by(AvatarCheck.id)))


@pytest.fixture
def gallery(begin: Begin, now: object) -> Gallery:
    return Gallery(begin, now)  # type: ignore[arg-type]  # the fixture's own type


class TestVerdict:
    @pytest.mark.parametrize(
        ("verdict", "end", "fit"), [(FIT, A.PASSED, True), (UNFIT, A.REFUSED, False)]
    )
    def test_decides_once(
        self, gallery: Gallery, verdict: ImageVerdict, end: AvatarStatus, fit: bool
    ) -> None:
        member_id = gallery.member()
        gallery.show(member_id)
        assert not gallery.is_fit(member_id)
        gallery.look()
        assert gallery.images.asked == [(URL, f"open-{member_id}")]
        assert gallery.say(verdict)
        assert not gallery.say(UNFIT if fit else FIT)
        assert (gallery.is_fit(member_id), gallery.standing()) == (fit, [end])

    def test_of_a_former_avatar_decides_nothing(self, gallery: Gallery) -> None:
        member_id = gallery.member()
        gallery.show(member_id)
        gallery.look()
        gallery.show(member_id, OTHER)
        gallery.say(FIT)
        assert not gallery.is_fit(member_id)
        gallery.look()
        assert gallery.standing() == [A.REPLACED, A.ASKED]
        gallery.say(FIT, 2)
        assert gallery.is_fit(member_id)

    def test_of_nothing_we_asked_is_nothing(self, gallery: Gallery) -> None:
        assert gallery.say(FIT, 7) is None

    def test_another_avatar_is_unseen_again(self, gallery: Gallery) -> None:
        member_id = gallery.member()
        gallery.show(member_id)
        gallery.look()
        gallery.say(FIT)
        gallery.show(member_id)
        assert gallery.is_fit(member_id), "the same once more"
        gallery.show(member_id, OTHER)
        assert not gallery.is_fit(member_id)
        gallery.show(member_id, None)
        gallery.look()
        assert gallery.standing() == [A.PASSED, A.REPLACED]


class TestAsking:
    def test_no_verdict_is_asked_for_again(self, gallery: Gallery) -> None:
        member_id = gallery.member()
        gallery.show(member_id)
        gallery.look()
        gallery.now += VERDICT_WITHIN - timedelta(seconds=1)
        gallery.look()
        assert len(gallery.images.asked) == 1
        gallery.now += timedelta(seconds=1)
        gallery.look()
        assert not gallery.say(FIT, 1), "the question that counts is the last"
        assert gallery.say(FIT, 2)
        assert gallery.is_fit(member_id)

    @pytest.mark.parametrize("trouble", ["is_silent", "is_away"])
    def test_trouble_is_waited_out(self, gallery: Gallery, trouble: str) -> None:
        member_id = gallery.member()
        gallery.show(member_id)
        setattr(gallery.images, trouble, True)
        gallery.look()
        assert gallery.standing() == [A.WAITING]
        setattr(gallery.images, trouble, False)
        gallery.now += timedelta(hours=1)
        gallery.look()
        assert gallery.say(FIT, 2)
        assert gallery.is_fit(member_id)

    def test_a_picture_that_cannot_be_fetched_is_tried_again_and_given_up(
        self, gallery: Gallery
    ) -> None:
        gallery.show(gallery.member())
        for nth in range(1, 2 * MOST_QUESTIONS):
            gallery.look()
            gallery.say(NOT_SEEN, nth)
            gallery.now += timedelta(hours=2)
        assert len(gallery.images.asked) == MOST_QUESTIONS
        assert gallery.standing() == [A.WAITING]

    def test_what_was_given_up_is_asked_again_when_it_is_set_again(self, gallery: Gallery) -> None:
        member_id = gallery.member()
        gallery.show(member_id)
        gallery.images.is_silent = True
        for _ in range(MOST_QUESTIONS + 1):
            gallery.look()
            gallery.now += timedelta(hours=2)
        gallery.images.is_silent = False
        gallery.show(member_id)
        gallery.look()
        assert gallery.say(FIT, MOST_QUESTIONS + 1)

    def test_nobody_looks_at_pictures_of_alipay(self, gallery: Gallery) -> None:
        member_id = gallery.member()
        with gallery.begin() as session:
            for row in session.scalars(select(Identity).where(Identity.member_id == member_id)):
                if row.platform is Platform.WECHAT:
                    session.delete(row)
        gallery.show(member_id)
        gallery.look()
        assert (gallery.images.asked, gallery.standing()) == ([], [A.WAITING])


class TestPersons:
    def test_whoever_leaves_leaves_no_address(self, gallery: Gallery) -> None:
        member_id = gallery.member()
        gallery.show(member_id)
        gallery.look()
        with gallery.begin() as session:
            service.pseudonymise(session, member_id=member_id, now=gallery.now)
        assert gallery.standing() == []
        assert not gallery.say(FIT)

    def test_the_avatar_follows_its_member_into_another(self, gallery: Gallery) -> None:
        gone, kept = gallery.member(), gallery.member()
        gallery.show(gone)
        gallery.look()
        with gallery.begin() as session:
            join_members(session, BOOK, from_id=gone, into_id=kept, now=gallery.now)
        gallery.say(FIT)
        assert (gallery.is_fit(gone), gallery.is_fit(kept)) == (False, True)

    def test_who_has_an_avatar_keeps_it(self, gallery: Gallery) -> None:
        gone, kept = gallery.member(), gallery.member()
        gallery.show(kept, OTHER)
        gallery.look()
        gallery.say(UNFIT)
        gallery.show(gone)
        gallery.look()
        gallery.say(FIT, 2)
        with gallery.begin() as session:
            join_members(session, BOOK, from_id=gone, into_id=kept, now=gallery.now)
            assert session.get_one(Member, kept).avatar_url == OTHER
        assert not gallery.is_fit(kept)
