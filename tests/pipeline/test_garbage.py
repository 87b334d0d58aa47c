"""What nobody needs goes, and nothing else."""

from dataclasses import dataclass
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from longriver.pipeline.crumbs import Crumb, Crumbs
from longriver.pipeline.garbage import KINDS, Garbage, find_garbage, remove
from longriver.pipeline.ledger import Ledger
from longriver.pipeline.listing import list_sizes
from longriver.pipeline.run_folder import RunFolder
from longriver.pipeline.sink import ShardSink, open_results
from longriver.pipeline.verify import verify_deeply
from tests.pipeline.runs import TABLES, commit_shard, dead_letter, new_folder, score_row

SHARDS = ("000000", "000001", "000002")
FOREIGN = (
    "README.txt",
    "score/notes.txt",
    "score/000000.parquet",
    "score/deep/000000-01234567.parquet",
    "elsewhere/000000-01234567.parquet",
    "elsewhere/.x.0123456789abcdef0123456789abcdef.tmp",
    "crumbs/notes",
    ".hidden",
)
UNNAMED = ("", "ledger/", "lock/", "snapshots/000001/", "crumbs/000002/")


def sweep(folder: RunFolder) -> list[Garbage]:
    sizes = list_sizes(folder)
    garbage = find_garbage(folder, sizes, Ledger(folder).read_all().values())
    remove(folder, garbage)
    return garbage


def put(folder: RunFolder, path: str) -> None:
    target = folder.path(path)
    folder.fs.makedirs(target.rpartition("/")[0], exist_ok=True)
    folder.fs.pipe_file(target, b"12345")


def leave_attempt(folder: RunFolder, shard: str) -> None:
    """What an attempt leaves that was killed before its commit."""
    sink = ShardSink(folder, shard, TABLES, {})
    sink.write("score", score_row(7))
    sink.write_dead(dead_letter(8))
    sink.close()


@dataclass(frozen=True)
class Scene:
    """What lies in a run folder beside what is committed."""

    committed: frozenset[str]
    attempts: tuple[str, ...]
    crumbs: tuple[str, ...]
    snapshots: tuple[str, ...]
    unnamed: tuple[str, ...]
    foreign: tuple[str, ...]

    def build(self, folder: RunFolder) -> None:
        for shard in sorted(self.committed):
            rows = [score_row(3 * int(shard) + n) for n in range(2)]
            commit_shard(folder, shard, rows, [dead_letter(3 * int(shard) + 2)])
        for shard in self.attempts:
            leave_attempt(folder, shard)
        for shard in self.crumbs:
            Crumbs(folder, shard).leave(uuid4().hex, Crumb((1,)))
        for shard in self.snapshots:
            for end in (".json", ".safetensors", "-score.parquet"):
                put(folder, f"snapshots/{shard}/000000-000000001024-01234567{end}")
        for place in self.unnamed:
            put(folder, f"{place}.000000.json.{uuid4().hex}.tmp")
        for path in self.foreign:
            put(folder, path)


some = st.lists(st.sampled_from(SHARDS), max_size=4).map(tuple)
scenes = st.builds(
    Scene,
    committed=st.frozensets(st.sampled_from(SHARDS)),
    attempts=some,
    crumbs=some,
    snapshots=some,
    unnamed=st.lists(st.sampled_from(UNNAMED), max_size=3).map(tuple),
    foreign=st.sets(st.sampled_from(FOREIGN)).map(sorted).map(tuple),
)


@settings(max_examples=40)
@given(scenes)
def test_what_is_committed_or_will_be_needed_stays_and_all_else_goes(scene: Scene) -> None:
    folder = new_folder(f"memory://runs/{uuid4().hex}")
    scene.build(folder)
    before = list_sizes(folder)
    receipts = Ledger(folder).read_all()
    tables = {name: open_results(folder.url, name).to_table() for name in ("score", "dead")}
    planned: dict[str, int | None] = dict.fromkeys(receipts, 3)

    garbage = sweep(folder)

    after = list_sizes(folder)
    gone = {each.path for each in garbage}
    assert after.keys() == before.keys() - gone
    assert {each.kind for each in garbage} <= set(KINDS)
    assert Ledger(folder).read_all() == receipts
    assert {name: open_results(folder.url, name).to_table() for name in tables} == tables
    report = verify_deeply(folder, planned)
    assert report.is_whole and report.num_orphans == 0
    assert set(scene.foreign) <= after.keys()
    for shard in {*scene.crumbs, *scene.snapshots} - scene.committed:
        kept = [path for path in after if path.split("/")[1:2] == [shard]]
        assert kept == [p for p in before if p.split("/")[1:2] == [shard] and p[-4:] != ".tmp"]
    assert not sweep(folder)


def test_every_kind_is_found_on_every_storage(run_url: str) -> None:
    folder = new_folder(run_url)
    scene = Scene(
        committed=frozenset(SHARDS[:2]),
        attempts=SHARDS,
        crumbs=SHARDS,
        snapshots=SHARDS,
        unnamed=UNNAMED,
        foreign=FOREIGN,
    )
    scene.build(folder)
    found = [each.kind for each in sweep(folder)]
    assert [found.count(kind) for kind in KINDS] == [6, 6, 2, 5]


def test_an_attempt_that_commits_behind_the_listing_loses_nothing(run_url: str) -> None:
    folder = new_folder(run_url)
    sink = ShardSink(folder, "000000", TABLES, folder.read_order().metadata)
    sizes_before_any_file = list_sizes(folder)
    sink.abort()
    commit_shard(folder, "000000", [score_row(0)])
    late = list_sizes(folder)
    receipts = Ledger(folder).read_all().values()
    assert not find_garbage(folder, sizes_before_any_file, receipts)
    assert not find_garbage(folder, late, receipts)
    assert verify_deeply(folder, {"000000": 1}).is_whole


def test_what_is_gone_already_is_no_error(run_url: str) -> None:
    folder = new_folder(run_url)
    remove(folder, [Garbage("crumbs", "crumbs/000000/x.json", 1)])


@pytest.mark.parametrize("name", ["../score", "score/../..", "a b"])
def test_a_table_of_a_forged_order_names_no_place(run_url: str, name: str) -> None:
    folder = new_folder(run_url)
    data = folder.fs.cat_file(folder.order_path).replace(b'"segments"', f'"{name}"'.encode())
    folder.fs.pipe_file(folder.order_path, data)
    put(folder, "segments/000000-01234567.parquet")
    assert not sweep(folder)
