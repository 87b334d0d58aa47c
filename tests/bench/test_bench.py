"""The benchmark's own arithmetic, and a quick run of it from end to end."""

import json
from pathlib import Path

import pytest
import torch

from tests.bench.__main__ import main
from tests.bench.installed import is_missing
from tests.bench.report import Report
from tests.bench.scale import QUICK, Scale
from tests.bench.session import Bench
from tests.bench.size import SIZES
from tests.bench.texts import mixed_lengths, shuffled
from tests.bench.timing import Compared, Sample, Work, fraction, interleaved, rate, ratio

FIRST = [Sample(count=100, cpu_s=1, wall_s=2, roof=1000), Sample(100, 2, 2, 500)]
OTHER = [Sample(count=100, cpu_s=2, wall_s=2, roof=1000), Sample(100, 4, 4, 1000)]


def test_rates_and_fractions_are_those_of_the_median_round() -> None:
    assert rate(FIRST) == 75
    assert fraction(FIRST, flops=5) == 0.5
    assert fraction(OTHER, flops=5) == (0.25 + 0.125) / 2


def test_ratios_are_taken_within_a_round() -> None:
    assert ratio(OTHER, FIRST, Compared.TO_FIRST) == 0.5
    assert ratio(OTHER, FIRST, Compared.PEER) == 2
    assert ratio(OTHER, FIRST, Compared.PART) == 2


def test_a_round_does_every_work_between_two_looks_at_the_roofline() -> None:
    done: list[str] = []

    def roof() -> float:
        done.append("roof")
        return float(len(done))

    def work(name: str) -> Work:
        def run(number: int) -> int:
            done.append(f"{name}{number}")
            return sum(range(10**5))

        return Work(name, run)

    rounds = list(interleaved([work("a"), work("b")], 2, roof))
    assert done == ["roof", "a0", "roof", "b0", "roof", "a1", "roof", "b1", "roof"]
    assert [[sample.roof for sample in samples] for samples in rounds] == [[2, 4], [6, 8]]


def test_rounds_that_are_done_are_kept_where_one_is_stopped(tmp_path: Path) -> None:
    def run(number: int) -> int:
        if number == 2:
            raise KeyboardInterrupt
        return sum(range(10**5))

    out = tmp_path / "bench.json"
    bench = Bench(Scale(rounds=3), SIZES["tiny"], (), tmp_path, out, Report({}), lambda: 1.0)
    with pytest.raises(KeyboardInterrupt):
        bench.measure("a group", [Work("a", run), Work("b", run)])
    assert [len(row["rounds"]) for row in json.loads(out.read_text())["rows"]] == [2, 2]


def test_mixed_lengths_reach_from_the_shortest_to_the_longest() -> None:
    lengths = mixed_lengths(8, 200, 50_000)
    assert (lengths[0], lengths[-1]) == (200, 50_000) and lengths == sorted(lengths)
    assert sorted(shuffled(lengths, 1)) == lengths != shuffled(lengths, 1)


def test_a_package_that_is_not_installed_is_named_once(tmp_path: Path) -> None:
    bench = Bench(QUICK, SIZES["tiny"], (), tmp_path, tmp_path, Report({}), lambda: 1.0)
    assert is_missing(bench, "ballast", {"cargo": "1.0"}.get)
    assert is_missing(bench, "ballast", {"cargo": "1.0"}.get)
    assert not is_missing(bench, "cargo", {"cargo": "1.0"}.get)
    (sentence,) = bench.report.missing
    assert sentence.startswith("ballast is not installed; pip install")


@pytest.mark.slow
def test_a_quick_run_measures_all_and_writes_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    threads = torch.get_num_threads()
    try:
        main(["--quick", "--size", "tiny", "--versions", "7", "--out", str(tmp_path / "b.json")])
    finally:
        torch.set_num_threads(threads)
    found = json.loads((tmp_path / "b.json").read_text())
    assert {"date", "machine", "cpu", "packages", "is_quick", "size"} <= found["about"].keys()
    rows = {(row["section"], row["name"]): row for row in found["rows"]}
    mixed = rows["RWKV-7, tiny, documents", "mixed lengths"]
    assert mixed["compared"] == "of the first" and mixed["first"] == "one long text"
    assert len(mixed["rounds"]) == QUICK.rounds and mixed["ratio"] > 0 < mixed["fraction"]
    assert mixed["rounds"][0].keys() == {"count", "cpu_s", "wall_s", "roof"}
    facts = {fact["name"]: fact for fact in found["facts"]}
    assert facts["short documents in a worker"]["value"] > 0
    assert any("workers on Ray" in sentence for sentence in found["missing"])
    assert "one long text" in capsys.readouterr().out
