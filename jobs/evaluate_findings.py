"""What the evaluate job says of a whole run: how often it was right, and how sure that is."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.markup import escape

from longriver.jobs.evaluate_config import Task
from longriver.jobs.evaluate_tables import EVALUATE
from longriver.pipeline.columns import Lists, Values, columns_of
from longriver.pipeline.figures import counted, ratio
from longriver.pipeline.one_line import printable_line
from longriver.pipeline.run_folder import RunFolder
from longriver.pipeline.summary import MAX_GROUPS, Finding

SHOWN_GROUPS = 12

GroupKey = tuple[str | None, ...]
Line = tuple[str, str, str]


@dataclass(slots=True)
class Mean:
    """A mean and its standard error, that of lm-evaluation-harness: of a sample, n - 1.

    Welford's recurrence, in document order: the same to the bit for any workers.
    """

    num: int = 0
    mean: float = 0.0
    squares: float = 0.0

    def add(self, value: float) -> None:
        self.num += 1
        off = value - self.mean
        self.mean += off / self.num
        self.squares += off * (value - self.mean)

    @property
    def stderr(self) -> float | None:
        if self.num < 2:
            return None
        return math.sqrt(self.squares / (self.num - 1) / self.num)


@dataclass(slots=True)
class Scores:
    """What a set of examples comes to.

    means: by column: of ``gold_nll``, and of those that say whether it was right.
    """

    means: dict[str, Mean] = field(default_factory=dict)

    def add(self, name: str, value: float) -> None:
        self.means.setdefault(name, Mean()).add(value)

    @property
    def num_examples(self) -> int:
        return self.means["gold_nll"].num if self.means else 0

    @property
    def perplexity(self) -> tuple[float | None, float | None]:
        """exp of the mean nats of what should be said, and by the delta method its error."""
        nll = self.means["gold_nll"]
        if nll.mean > math.log(1e300):
            return None, None
        value = math.exp(nll.mean)
        return value, None if nll.stderr is None else value * nll.stderr

    @property
    def record(self) -> dict[str, object]:
        if not self.num_examples:
            return {"num_examples": 0}
        found: dict[str, object] = {"num_examples": self.num_examples}
        for name, key in FIGURES.items():
            if name in self.means:
                found |= {key: self.means[name].mean, f"{key}_stderr": self.means[name].stderr}
        perplexity, stderr = self.perplexity
        return found | {"gold_perplexity": perplexity, "gold_perplexity_stderr": stderr}


FIGURES = {"correct": "accuracy", "correct_norm": "accuracy_norm", "gold_nll": "gold_nll"}


def findings(folder: RunFolder, task: Task, group_columns: Sequence[str]) -> Finding:
    """Reads the run's table once; groups behind the first ``MAX_GROUPS`` count as one."""
    corpus, others = Scores(), Scores()
    groups: dict[GroupKey, Scores] = {}
    names = [name for name in FIGURES if task == "multiple_choice" or name != "correct_norm"]
    for key, values in _examples(folder, names, group_columns):
        if key not in groups and len(groups) < MAX_GROUPS:
            groups[key] = Scores()
        for name, value in zip(names, values, strict=True):
            corpus.add(name, value)
            groups.get(key, others).add(name, value)
    record: dict[str, object] = {"task": task, **corpus.record}
    if group_columns:
        record["groups"] = [
            {"group": dict(zip(group_columns, key, strict=True)), **scores.record}
            for key, scores in groups.items()
        ]
        record["other_groups"] = others.record if others.num_examples else None
    shown = _largest(groups) if group_columns else {}
    return Finding(record, (*_lines(corpus, task), *_lines_of_groups(shown)))


def _examples(
    folder: RunFolder, names: Sequence[str], group_columns: Sequence[str]
) -> Iterator[tuple[GroupKey, tuple[float, ...]]]:
    for columns in columns_of(folder, EVALUATE, [*names, *group_columns]):
        for row in zip(*map(_cells, columns), strict=True):
            yield row[len(names) :], tuple(map(float, row[: len(names)]))


def _cells(column: Values) -> list[Any]:
    assert not isinstance(column, Lists)
    return column if isinstance(column, list) else column.tolist()


def _largest(groups: dict[GroupKey, Scores]) -> dict[GroupKey, Scores]:
    ordered = sorted(groups.items(), key=lambda item: -item[1].num_examples)
    return dict(ordered[:SHOWN_GROUPS])


def _lines(scores: Scores, task: Task) -> Iterator[Line]:
    """The perplexity of whole choices, many words each, would tell nothing."""
    if not scores.num_examples:
        return
    yield "accuracy", _share(scores.means["correct"]), _error(scores.means["correct"])
    if task == "multiple_choice":
        mean = scores.means["correct_norm"]
        yield "accuracy, by length", _share(mean), _error(mean)
    else:
        perplexity, spread = scores.perplexity
        yield "gold perplexity", ratio(perplexity), "" if spread is None else f"± {ratio(spread)}"


def _lines_of_groups(groups: dict[GroupKey, Scores]) -> Iterator[Line]:
    """Names come from the data: they must neither steer the terminal nor be read as markup."""
    for key, scores in groups.items():
        name = escape(printable_line(", ".join("(null)" if x is None else x for x in key))[:40])
        mean = scores.means["correct"]
        remark = f"{_error(mean)} {counted(scores.num_examples, 'example')}".strip()
        yield f"accuracy, {name}", _share(mean), remark


def _share(mean: Mean) -> str:
    return f"{100 * mean.mean:.2f} %"


def _error(mean: Mean) -> str:
    return "" if mean.stderr is None else f"± {100 * mean.stderr:.2f}"
