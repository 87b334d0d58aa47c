"""The sections on what was ordered, and what came of it in figures."""

from collections.abc import Iterator, Mapping

from longriver.jobs.combined_config import CombinedConfig
from longriver.jobs.complaint import shown as shown_value
from longriver.jobs.report.markup import short_name, tag, without_secrets
from longriver.jobs.report.parts import Section, cards, facts, paragraph, table
from longriver.jobs.report.run import Run, figure_of
from longriver.pipeline.figures import count, counted, data_size, duration, ratio
from longriver.pipeline.pace_of_run import busy_seconds, shares

FIGURES = (
    ("bits_per_byte", "bits per byte", ""),
    ("perplexity", "perplexity", "per token"),
    ("byte_perplexity", "byte perplexity", ""),
    ("word_perplexity", "word perplexity", ""),
)
COUNTS = (
    ("num_documents", "documents", count),
    ("num_tokens", "tokens", count),
    ("num_bytes", "text", data_size),
)


def figures(run: Run) -> Section:
    """The figures of the whole run in large type, and what jobs found beside them."""
    summary = run.summary
    rows = [
        (name, _figure(summary, key), remark) for key, name, remark in FIGURES if key in summary
    ]
    rows += [
        (name, shown(value), "")
        for key, name, shown in COUNTS
        if (value := figure_of(summary.get(key))) is not None
    ]
    rows.append(("dead letters", count(figure_of(summary["num_dead"]) or 0), ""))
    rows += _interval(run)
    body = [cards(rows)]
    if len(run.receipts) < run.num_planned:
        what = f"{count(len(run.receipts))} of {count(run.num_planned)} shards are done so far."
        body.insert(0, paragraph(f"This run is not complete: {what}"))
    return Section("Figures", tuple(body))


def what_was_run(run: Run) -> Section:
    rows = [
        ("job", run.config.job.kind),
        ("model", _named(run.config.model.path, run.order.fingerprints["model"])),
        ("tokenizer", _named(run.config.model.tokenizer, run.order.fingerprints["tokenizer"])),
        ("data", _named(run.config.data.path, run.order.fingerprints["inputs"])),
        ("numbers", str(run.order.semantic.get("engine.dtype", "-"))),
        *_times(run),
        ("longriver", run.order.longriver_version),
        ("order", f"sha256:{run.order.semantic_sha256}"),
    ]
    whole = table(("key", "value"), [[key, value] for key, value in flat("", run.order.order)])
    more = tag("details", tag("summary", "The whole order"), whole)
    return Section("What was run", (facts(rows), more))


def title(run: Run) -> str:
    """What was done, and the name of what it was done with."""
    job = run.config.job
    kinds = [part.kind for part in job.parts] if isinstance(job, CombinedConfig) else [job.kind]
    name = without_secrets(run.config.data.path).rstrip("/").rpartition("/")[2]
    return f"{', '.join(kinds)}: {short_name(name)}"


def subtitle(run: Run) -> str:
    """One line for the head of the page."""
    number = int(figure_of(run.summary["num_documents"]) or 0)
    model = without_secrets(run.config.model.path)
    return f"{counted(number, 'document')} through {model}, ordered {run.order.created_at}"


def _figure(summary: Mapping[str, object], key: str) -> str:
    return ratio(figure_of(summary[key]))


def _interval(run: Run) -> list[tuple[str, str, str]]:
    """What the perplexity job knows of the corpus beyond its sums."""
    found = run.findings("perplexity")
    rows = []
    interval, macro = found.get("bits_per_byte_95"), figure_of(found.get("bits_per_byte_macro"))
    if isinstance(interval, list):
        low, high = (ratio(bound) for bound in interval)
        rows.append(("95 % interval", f"{low} to {high}", "of bits per byte"))
    if macro is not None:
        rows.append(("mean of documents", ratio(macro), "bits per byte"))
    return rows


def _named(name: str, fingerprint: str) -> str:
    return f"{without_secrets(name)} (sha256:{fingerprint[:16]}…)"


def _times(run: Run) -> list[tuple[str, str]]:
    ended = max((receipt.finished_at for receipt in run.receipts), default="-")
    workers = count(len(shares(run.receipts)))
    return [
        ("ordered", run.order.created_at),
        ("last shard done", ended),
        ("at work", f"{duration(busy_seconds(run.receipts))}, pauses left out"),
        ("workers", workers),
        ("shards", f"{count(len(run.receipts))} of {count(run.num_planned)}"),
    ]


def flat(prefix: str, part: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """An order by dotted keys; whatever could be a password in a URL is left out."""
    for key, value in part.items():
        if isinstance(value, Mapping) and value:
            yield from flat(f"{prefix}{key}.", value)
        else:
            yield f"{prefix}{key}", without_secrets(shown_value(value))
