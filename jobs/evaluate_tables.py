"""The evaluate job's table, and what a row of it says of choices."""

from collections.abc import Sequence

import numpy as np

from longriver.engine.candidate import CandidateSequence
from longriver.jobs.evaluate_config import EvaluateConfig
from longriver.jobs.example import Example
from longriver.pipeline.formats.unicode import to_bytes
from longriver.pipeline.table import Column, Row, Table

EVALUATE = "evaluate"

OF_CHOICES = (
    Column("gold", "int64"),
    Column("predicted", "int64"),
    Column("predicted_norm", "int64"),
    Column("correct_norm", "bool"),
    Column("choice_nll", "list<float64>"),
    Column("choice_tokens", "list<int64>"),
    Column("choice_chars", "list<int64>"),
    Column("choice_bytes", "list<int64>"),
)


def tables(config: EvaluateConfig, group_columns: tuple[str, ...]) -> tuple[Table, ...]:
    columns = (
        Column("document_id", "string"),
        Column("source", "string"),
        Column("source_row", "int64"),
        Column("num_tokens", "int64"),
        Column("gold_nll", "float64"),
        Column("gold_tokens", "int64"),
        Column("gold_bytes", "int64"),
        Column("greedy", "bool"),
        Column("correct", "bool"),
        *(OF_CHOICES if config.task == "multiple_choice" else ()),
        *(Column(name, "string") for name in group_columns),
        Column("status", "string"),
    )
    return (Table(EVALUATE, columns),)


def choice_cells(example: Example, candidates: Sequence[CandidateSequence]) -> Row:
    """Which choice is likeliest, and which one for its length; the first of equals."""
    nll = np.array([each.nll for each in candidates])
    chars = np.array([len(choice) for choice in example.choices])
    predicted, predicted_norm = int(nll.argmin()), int((nll / chars).argmin())
    return {
        "gold": example.gold,
        "predicted": predicted,
        "predicted_norm": predicted_norm,
        "correct": predicted == example.gold,
        "correct_norm": predicted_norm == example.gold,
        "choice_nll": nll.tolist(),
        "choice_tokens": [len(each.tokens) for each in candidates],
        "choice_chars": chars.tolist(),
        "choice_bytes": [len(to_bytes(choice)) for choice in example.choices],
    }
