"""The page at the end of a run."""

import io

from rich.console import Console

from longriver.pipeline.closing_table import MAX_GROUPS, print_outcome
from longriver.pipeline.progress import Progress, RunOutcome
from longriver.pipeline.summary import GroupKey, Summary, Sums


def sums(num_documents: int) -> Sums:
    return Sums(
        num_documents,
        {
            "nll": 2000.0 * num_documents,
            "num_tokens": 1000.0 * num_documents,
            "num_bytes": 1000.0 * num_documents,
            "num_chars": 990.0 * num_documents,
            "num_words": 200.0 * num_documents,
        },
    )


def page(
    groups: dict[GroupKey, Sums] | None = None,
    corpus: Sums | None = None,
    dead: dict[str, int] | None = None,
    before: int = 0,
    run_path: str = "runs/x",
    width: int = 80,
) -> str:
    columns = ("lang",) if groups else ()
    summary = Summary(3, 0, dead or {}, corpus or sums(1234), columns, groups or {}, Sums())
    session = Progress(num_documents=1234 - before, num_tokens=500_000)
    console = Console(file=io.StringIO(), width=width)
    print_outcome(console, RunOutcome(run_path, summary, session, 100.0, f"{run_path}/report.html"))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def line_of(text: str, name: str) -> list[str]:
    return next(line for line in text.splitlines() if line.strip().startswith(name)).split()


def test_every_figure_is_there_in_plain_text() -> None:
    text = page()
    assert line_of(text, "documents") == ["documents", "1,234"]
    assert line_of(text, "dead letters") == ["dead", "letters", "0"]
    assert line_of(text, "tokens ")[-1] == "1,234,000"
    assert line_of(text, "bits per byte")[-1] == "2.885"
    assert line_of(text, "perplexity")[1] == "7.389"
    assert line_of(text, "word perplexity")[-1] == "2.203e+04"
    assert line_of(text, "tokens/s")[-1] == "5,000"
    assert line_of(text, "time") == ["time", "1", "min", "40", "s"]
    assert "\x1b" not in text and max(map(len, text.splitlines())) <= 80


def test_dead_letters_come_with_their_reasons() -> None:
    text = page(dead={"corrupt_file": 1, "null_text": 12})
    assert line_of(text, "dead letters")[2:] == ["13", "null_text", "12,", "corrupt_file", "1"]


def test_a_resumed_run_says_what_its_clock_did_not_see() -> None:
    assert "234 documents were done before" in page(before=234)
    assert "before" not in page()


def test_groups_have_figures_of_their_own_the_largest_first() -> None:
    text = page({("de",): sums(1), (None,): sums(5), ("[bold]",): sums(3)})
    rows = text[text.index("lang") :].splitlines()
    assert [row.split()[0] for row in rows if " 2.885 " in row] == ["(null)", "[bold]", "de"]


def test_groups_have_no_column_of_what_their_job_does_not_count() -> None:
    text = page({("de",): Sums(2)}, corpus=Sums(2))
    assert line_of(text, "lang") == ["lang", "documents"] and line_of(text, "de ") == ["de", "2"]
    tokens = {"num_tokens": 9.0}
    text = page({("de",): Sums(2, tokens)}, corpus=Sums(2, tokens))
    assert line_of(text, "de ") == ["de", "2", "9"]


def test_a_group_cannot_steer_the_terminal() -> None:
    text = page({("\x1b[2J\u202efoo",): sums(5)})
    assert "\x1b" not in text and "\u202e" not in text and "foo" in text


def test_many_groups_are_left_to_the_summary() -> None:
    text = page({(str(n),): sums(1) for n in range(MAX_GROUPS + 7)})
    assert "7 smaller groups are in summary.json" in text


def test_the_next_command_can_be_copied_whatever_the_path() -> None:
    long_path = "s3://bucket/" + "a" * 100 + " b"
    text = page(run_path=long_path)
    assert f"Results: {long_path}\n" in text
    assert f"Next:    longriver verify output.path='{long_path}'\n" in text
