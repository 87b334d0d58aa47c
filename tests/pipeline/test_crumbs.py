"""Deaths, suspects and convictions: what a shard's crumbs say."""

import itertools
from dataclasses import replace

import pytest

from longriver.engine.errors import OrderError
from longriver.pipeline.care import WINDOW, Care
from longriver.pipeline.convictions import Convictions
from longriver.pipeline.crumbs import Crumb, Crumbs, Trail, judge
from longriver.pipeline.lock_holder import this_boot
from longriver.pipeline.run_folder import RunFolder
from longriver.pipeline.shard import Shard
from tests.pipeline.runs import new_folder

BEGUN = Crumb()
OPEN = Crumb((3, 4, 5))
ALONE = Crumb((4,), is_alone=True)


@pytest.fixture
def crumbs(run_url: str) -> Crumbs:
    return Crumbs(new_folder(run_url), "000007")


def test_deaths_make_suspects_and_a_death_alone_convicts() -> None:
    assert not judge([]).has_deaths
    assert judge([BEGUN]).has_deaths and not judge([BEGUN]).suspects
    assert judge([BEGUN, OPEN]).suspects == {3, 4, 5}
    verdict = judge([BEGUN, OPEN, ALONE])
    assert verdict.suspects == {3, 5} and set(verdict.convicted) == {4}
    assert verdict.convicted[4] == "it was read alone when its worker died"
    assert not verdict.unreadable
    assert judge([BEGUN, OPEN, ALONE, ALONE]).unreadable == {4}


def test_the_order_of_crumbs_does_not_matter() -> None:
    verdicts = [judge(order) for order in itertools.permutations([BEGUN, OPEN, ALONE])]
    assert len({str((v.suspects, v.unreadable, list(v.convicted))) for v in verdicts}) == 1


def test_what_a_worker_said_at_its_end_is_in_the_dead_letter() -> None:
    said = Crumb((4,), is_alone=True, error="ValueError: no")
    detail = judge([said]).convicted[4]
    assert detail == "it was read alone when its worker failed with ValueError: no"


def test_living_leases_are_no_deaths(crumbs: Crumbs) -> None:
    crumbs.leave("one", ALONE)
    crumbs.leave("two", OPEN)
    assert judge([]) == crumbs.verdict(["one", "two"])
    assert crumbs.verdict(["two"]) == judge([ALONE])
    crumbs.clear()
    assert crumbs.verdict([]) == judge([])


def test_a_torn_crumb_is_a_death_all_the_same(crumbs: Crumbs) -> None:
    crumbs.leave("one", ALONE)
    path = crumbs.folder.path("crumbs", crumbs.shard, "one.json")
    whole = crumbs.folder.fs.cat_file(path)
    for length in range(len(whole)):
        crumbs.folder.fs.pipe_file(path, whole[:length])
        assert crumbs.verdict([]) == judge([BEGUN])


@pytest.mark.parametrize("error", [OrderError("a=1"), OSError("full"), KeyboardInterrupt()])
def test_an_end_that_says_nothing_of_documents_leaves_no_crumb(
    crumbs: Crumbs, error: BaseException
) -> None:
    with pytest.raises(type(error)), Trail(crumbs, "one") as trail:
        trail.leave(ALONE)
        raise error
    assert not crumbs.verdict([]).has_deaths


def test_a_failure_leaves_the_crumb_with_its_words(crumbs: Crumbs) -> None:
    with pytest.raises(ValueError, match="no"), Trail(crumbs, "one") as trail:
        assert crumbs.verdict([]).has_deaths, "who dies at once has left a crumb"
        trail.leave(ALONE)
        raise ValueError("no")
    assert "ValueError: no" in crumbs.verdict([]).convicted[4]


def test_what_a_machine_had_in_hand_when_it_went_down_is_held_against_nothing(
    crumbs: Crumbs,
) -> None:
    host, _ = this_boot() or ("", "")
    crumbs.leave("before", replace(ALONE, boot=(host, "another life")))
    assert not crumbs.verdict([]).has_deaths
    crumbs.leave("elsewhere", replace(ALONE, boot=("another host", "another life")))
    assert crumbs.verdict([]).convicted.keys() == {4}


def test_too_many_convictions_stop_the_run(crumbs: Crumbs) -> None:
    shard = Shard(7, ())
    convictions = Convictions(crumbs.folder, limit=2)
    for place in range(2):
        crumbs.leave(str(place), Crumb((place,), is_alone=True))
    assert convictions.of(shard) == convictions.of(shard) == 2
    crumbs.leave("2", Crumb((2,), is_alone=True))
    with pytest.raises(Exception, match=r"more than 2 documents .* cluster.max_crashed_documents"):
        convictions.of(shard)


def care_of(folder: RunFolder, *found: Crumb) -> Care:
    return Care(judge(found), Trail(Crumbs(folder, "000007"), "mine"))


def named(care: Care) -> tuple[int, ...]:
    return care.trail.current.documents


def test_without_deaths_nothing_is_named(crumbs: Crumbs) -> None:
    care = care_of(crumbs.folder)
    assert care.may_open(0, []) and not named(care)


def test_behind_a_death_documents_are_named_before_they_are_opened(crumbs: Crumbs) -> None:
    care = care_of(crumbs.folder, BEGUN)
    for place in range(3 * WINDOW):
        opened = [0] if place else []
        assert care.may_open(place, opened)
        assert {*opened, place} <= set(named(care))
        assert crumbs.verdict([]).suspects == set(named(care))


def test_places_may_skip(crumbs: Crumbs) -> None:
    care = care_of(crumbs.folder, BEGUN)
    assert care.may_open(2, []) and care.may_open(1 << 32, [2])
    assert {2, 1 << 32} <= set(named(care))


def test_a_suspect_is_read_alone(crumbs: Crumbs) -> None:
    care = care_of(crumbs.folder, BEGUN, OPEN)
    assert care.may_open(2, [])
    assert not care.may_open(3, [2])
    assert care.may_open(3, []) and care.trail.current == Crumb((3,), is_alone=True)
    assert not care.may_open(4, [3])
    assert care.may_open(4, []) and care.trail.current == Crumb((4,), is_alone=True)
    assert care.may_open(5, []) and not care.may_open(6, [5])
    assert care.may_open(6, []) and not care.trail.current.is_alone
    assert care.may_open(7, [6])


def test_what_is_convicted_is_passed_over_alone(crumbs: Crumbs) -> None:
    care = care_of(crumbs.folder, BEGUN, OPEN, ALONE)
    assert not care.may_open(4, [2])
    assert care.may_open(4, []) and care.trail.current == ALONE
