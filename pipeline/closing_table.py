"""What a person sees when a run is over."""

import shlex

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from longriver.pipeline.figures import count, duration, ratio
from longriver.pipeline.one_line import printable_line
from longriver.pipeline.progress import RunOutcome
from longriver.pipeline.summary import Summary, Sums

MAX_GROUPS = 20


def print_outcome(console: Console, outcome: RunOutcome) -> None:
    """Figures, groups, where the results are and what to do next; paths are never wrapped."""
    console.print(figures_table(outcome))
    if outcome.summary.groups:
        print_groups(console, outcome.summary)
    for name, text in _where_next(outcome).items():
        print_line(console, f"{name:<8} {text}")


def print_line(console: Console, text: str) -> None:
    """Plain text as it is, however wide the console."""
    console.print(text, soft_wrap=True, markup=False, highlight=False)


def figures_table(outcome: RunOutcome) -> Table:
    table = Table(box=box.SIMPLE, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(overflow="fold")
    for name, figure, remark in _figures(outcome):
        table.add_row(name, figure, remark)
    return table


def print_groups(console: Console, summary: Summary) -> None:
    """The largest groups, by their documents."""
    table = Table(box=box.SIMPLE, pad_edge=False)
    for name in summary.group_columns:
        table.add_column(Text(name), overflow="fold")
    for name in ("documents", *_group_headings(summary.corpus)):
        table.add_column(name, justify="right", no_wrap=True)
    largest = sorted(summary.groups.items(), key=lambda item: -item[1].num_documents)
    for values, sums in largest[:MAX_GROUPS]:
        names = (Text("(null)" if value is None else printable_line(value)) for value in values)
        table.add_row(*names, *_group_figures(sums))
    console.print(table)
    if (more := len(largest) - MAX_GROUPS) > 0:
        print_line(console, f"{count(more)} smaller groups are in summary.json")


def _figures(outcome: RunOutcome) -> list[tuple[str, str, str]]:
    summary, seconds = outcome.summary, outcome.seconds
    rate = count(outcome.session.num_tokens / seconds) if seconds else "-"
    return [
        ("documents", count(summary.corpus.num_documents), ""),
        ("dead letters", count(outcome.num_dead_letters), _reasons(summary)),
        *_ratios(summary.corpus),
        *(line for finding in summary.findings.values() for line in finding.lines),
        ("tokens/s", rate, ""),
        ("time", duration(seconds), _earlier(outcome)),
    ]


def _ratios(corpus: Sums) -> list[tuple[str, str, str]]:
    num_tokens, total = corpus.sums.get("num_tokens"), corpus.total
    tokens = [] if num_tokens is None else [("tokens", count(num_tokens), "")]
    if total is None:
        return tokens
    return [
        *tokens,
        ("bits per byte", ratio(total.bits_per_byte), ""),
        ("perplexity", ratio(total.perplexity), "per token"),
        ("byte perplexity", ratio(total.byte_perplexity), ""),
        ("word perplexity", ratio(total.word_perplexity), ""),
    ]


def _reasons(summary: Summary) -> str:
    most = sorted(summary.dead_reasons.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{reason} {count(number)}" for reason, number in most)


def _earlier(outcome: RunOutcome) -> str:
    """The clock knows this session only; whoever resumed should not misread it."""
    earlier = outcome.summary.corpus.num_documents - outcome.session.num_documents
    return f"this session; {count(earlier)} documents were done before" if earlier > 0 else ""


def _group_headings(corpus: Sums) -> tuple[str, ...]:
    """What the job counts."""
    if corpus.total is not None:
        return "tokens", "bits/byte", "perplexity"
    return ("tokens",) if "num_tokens" in corpus.sums else ()


def _group_figures(sums: Sums) -> tuple[str, ...]:
    total, num_tokens = sums.total, sums.sums.get("num_tokens")
    tokens = () if num_tokens is None else (count(num_tokens),)
    ratios = () if total is None else (ratio(total.bits_per_byte), ratio(total.perplexity))
    return (count(sums.num_documents), *tokens, *ratios)


def _where_next(outcome: RunOutcome) -> dict[str, str]:
    path = shlex.quote(outcome.run_path)
    return {
        "Results:": outcome.run_path,
        "Report:": outcome.report,
        "Next:": f"longriver verify output.path={path}",
    }
