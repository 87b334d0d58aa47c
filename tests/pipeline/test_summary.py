"""A run's figures are ratios of sums, the same to the bit however the work was shared."""

import dataclasses
import json
import math
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from longriver.pipeline.receipt import Receipt
from longriver.pipeline.run_folder import RunFolder
from longriver.pipeline.summary import Summary, summarize, write_summary
from tests.pipeline.runs import commit_shard, dead_letter, new_folder, receipt_of, score_row

nats = st.floats(0, 1e9, allow_nan=False)


def with_sums(shard: str, **sums: float) -> Receipt:
    return dataclasses.replace(receipt_of(shard, "a"), sums=sums)


def record(summary: Summary) -> dict[str, object]:
    read: dict[str, object] = json.loads(summary.to_json())
    return read


def test_corpus_figures_are_those_of_lm_eval(run_url: str) -> None:
    folder = new_folder(run_url)
    receipts = [
        with_sums("000000", nll=300.0, num_tokens=100, num_bytes=400, num_words=80, num_chars=390),
        with_sums("000001", nll=100.0, num_tokens=50, num_bytes=200, num_words=40, num_chars=200),
    ]
    figures = record(summarize(folder, receipts))
    assert figures["nll"] == 400.0
    assert figures["num_tokens"] == 150 and figures["num_chars"] == 590
    assert figures["bits_per_byte"] == 400 / (math.log(2) * 600)
    assert figures["perplexity"] == math.exp(400 / 150)
    assert figures["word_perplexity"] == math.exp(400 / 120)
    assert figures["byte_perplexity"] == math.exp(400 / 600)


def test_an_empty_run_has_null_ratios(run_url: str) -> None:
    figures = record(summarize(new_folder(run_url), []))
    assert figures["num_documents"] == 0 and figures["nll"] == 0
    assert figures["bits_per_byte"] is figures["perplexity"] is figures["byte_perplexity"] is None


def test_a_perplexity_beyond_a_float_is_null_in_json(run_url: str) -> None:
    summary = summarize(new_folder(run_url), [with_sums("000000", nll=1e6, num_tokens=1)])
    assert summary.corpus.total.perplexity == math.inf
    assert record(summary)["perplexity"] is None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(values=st.lists(nats, min_size=1, max_size=20), seed=st.randoms(use_true_random=False))
def test_the_order_of_receipts_leaves_no_trace(
    tmp_path: Path, values: list[float], seed: object
) -> None:
    folder = new_folder(str(tmp_path))
    receipts = [with_sums(f"{n:06d}", nll=v, num_tokens=3) for n, v in enumerate(values)]
    shuffled = sorted(receipts, key=lambda receipt: hash((receipt.shard, str(seed))))
    assert summarize(folder, receipts).to_json() == summarize(folder, shuffled).to_json()


def grouped_run(folder: RunFolder) -> list[Receipt]:
    prose = [score_row(n, domain="prose") for n in (0, 1)]
    mixed = [score_row(2, domain="code"), score_row(3, domain=None), score_row(4, domain="prose")]
    return [
        commit_shard(folder, "000000", prose, [dead_letter(9), dead_letter(8)]),
        commit_shard(folder, "000001", mixed),
    ]


def test_groups_come_in_order_of_appearance_and_add_up_to_the_corpus(run_url: str) -> None:
    folder = new_folder(run_url)
    summary = summarize(folder, grouped_run(folder), ["domain"])
    assert list(summary.groups) == [("prose",), ("code",), (None,)]
    assert [sums.num_documents for sums in summary.groups.values()] == [3, 1, 1]
    nll = math.fsum(sums.sums["nll"] for sums in summary.groups.values())
    assert nll == pytest.approx(summary.corpus.sums["nll"])
    assert summary.groups[("code",)].sums["num_bytes"] == 12


def test_groups_behind_the_cap_are_summed_as_one(run_url: str) -> None:
    folder = new_folder(run_url)
    figures = record(summarize(folder, grouped_run(folder), ["domain"], max_groups=1))
    (prose,), others = figures["groups"], figures["other_groups"]
    assert prose["group"] == {"domain": "prose"} and prose["num_documents"] == 3
    assert others["num_documents"] == 2


def test_dead_letters_are_counted_by_reason(run_url: str) -> None:
    folder = new_folder(run_url)
    summary = summarize(folder, grouped_run(folder))
    assert summary.dead_reasons == {"null_text": 2}
    assert summary.num_dead == 2
    assert record(summary)["groups"] == [] and record(summary)["other_groups"] is None


def test_the_same_run_gives_the_same_summary_to_the_byte(tmp_path: Path) -> None:
    written = []
    for name in ("one", "two"):
        folder = new_folder(str(tmp_path / name))
        write_summary(folder, summarize(folder, grouped_run(folder), ["domain"]))
        written.append(folder.fs.cat_file(folder.summary_path))
    assert written[0] == written[1]


def test_success_is_marked_when_the_summary_is_there(run_url: str) -> None:
    folder = new_folder(run_url)
    assert not folder.has_succeeded()
    write_summary(folder, summarize(folder, []))
    assert folder.has_succeeded()
    assert json.loads(folder.fs.cat_file(folder.summary_path))["num_shards"] == 0
