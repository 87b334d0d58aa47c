"""What an order may say about the evaluate job."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from longriver.jobs.template import Template
from longriver.pipeline.data_config import DataConfig, FieldColumn

if TYPE_CHECKING:
    from longriver.jobs.evaluate import EvaluateJob
    from longriver.pipeline.receipt import Receipt
    from longriver.pipeline.run_folder import RunFolder
    from longriver.pipeline.summary import Finding

Task = Literal["lambada", "multiple_choice", "likelihood"]

NEEDED: Mapping[Task, tuple[str, ...]] = {
    "lambada": (),
    "multiple_choice": ("context", "choices", "answer"),
    "likelihood": ("context", "continuation"),
}
"""Keys without which a task cannot be."""

ALLOWED: Mapping[Task, tuple[str, ...]] = {
    "lambada": (),
    "multiple_choice": ("labels", "delimiter"),
    "likelihood": ("delimiter",),
}
"""Keys that it may have beside them; others have no effect."""

KEYS = ("context", "continuation", "choices", "answer", "labels", "delimiter")

AN_EXAMPLE = 'as in \'job.choices=[" {first}"," {second}"]\''


class EvaluateConfig(BaseModel):
    """What examples are made of: each row of the data is one.

    Texts are templates: ``{column}`` stands for a cell of the row.

    task:         ``lambada``: the last word of ``data.text_column`` behind all that stands before
                  it. ``multiple_choice``: which of the choices is likeliest behind the context.
                  ``likelihood``: how likely a continuation is behind the context.
    context:      a template; may be empty.
    continuation: a template.
    choices:      templates, or the name of a column that holds a list of texts.
    answer:       the column that says which choice is right.
    labels:       how it says so, in the order of the choices: a list, or the name of a column that
                  holds one; null: by number, the first choice being 0.
    delimiter:    stands before every choice and continuation.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["evaluate"] = "evaluate"
    task: Task = "lambada"
    context: str | None = None
    continuation: str | None = None
    choices: str | tuple[str, ...] | None = None
    answer: Annotated[str, Field(min_length=1)] | None = None
    labels: str | tuple[str, ...] | None = None
    delimiter: str = ""

    def build(self, group_columns: tuple[str, ...]) -> "EvaluateJob":
        from longriver.jobs.evaluate import EvaluateJob  # seconds that a refused order does without

        return EvaluateJob(self, group_columns)

    def findings(
        self, folder: "RunFolder", receipts: Sequence["Receipt"], group_columns: tuple[str, ...]
    ) -> Mapping[str, "Finding"]:
        """Accuracies, the perplexity of what should be said, their standard errors."""
        from longriver.jobs.evaluate_findings import findings

        return {self.kind: findings(folder, self.task, group_columns)}

    def reading(self, data: DataConfig) -> DataConfig:
        """The data, read for the columns that examples are made of."""
        return data.with_fields(self.columns(data.text_column))

    def columns(self, text_column: str) -> tuple[FieldColumn, ...]:
        """Each column that examples are made of, once."""
        if self.task == "lambada":
            return (FieldColumn(text_column, f"data.text_column={text_column}"),)
        found: dict[str, FieldColumn] = {}
        for column in (*self._in_texts, *self._of_answers):
            if found.setdefault(column.name, column).is_list != column.is_list:
                raise ValueError(
                    f"{column.said} and {found[column.name].said}: one takes {column.name} for a "
                    "list, the other does not; leave one of them out"
                )
        return tuple(found.values())

    def check(self, data: DataConfig) -> None:
        """Raises ValueError for what is said of the data and has no effect here."""
        if data.part_column is not None:
            raise ValueError(
                f"data.part_column={data.part_column} has no effect with job=evaluate, to which "
                "every row is an example; leave it out"
            )
        if self.task != "lambada" and data.text_column != "text":
            raise ValueError(
                f"data.text_column={data.text_column} has no effect with job.task={self.task}, "
                "whose templates name the columns; leave it out"
            )

    @property
    def _templates(self) -> dict[str, str]:
        """By key."""
        choices = self.choices if isinstance(self.choices, tuple) else ()
        found = {
            "job.context": self.context,
            "job.continuation": self.continuation,
            **{f"job.choices[{i}]": text for i, text in enumerate(choices)},
        }
        return {key: text for key, text in found.items() if text is not None}

    @property
    def _in_texts(self) -> Iterator[FieldColumn]:
        for key, text in self._templates.items():
            for name in Template.of(text).columns:
                yield FieldColumn(name, f"{key}={text}")
        if isinstance(self.choices, str):
            yield FieldColumn(self.choices, f"job.choices={self.choices}", is_list=True)

    @property
    def _of_answers(self) -> Iterator[FieldColumn]:
        if self.answer is not None:
            yield FieldColumn(self.answer, f"job.answer={self.answer}")
        if isinstance(self.labels, str):
            yield FieldColumn(self.labels, f"job.labels={self.labels}", is_list=True)

    @model_validator(mode="after")
    def _a_task_has_what_it_needs(self) -> Self:
        needed = NEEDED[self.task]
        missing = [f"job.{key}" for key in needed if getattr(self, key) is None]
        if missing:
            raise ValueError(f"{missing[0]} is missing; job.task={self.task} is made of it")
        for key in KEYS:
            given = getattr(self, key)
            if key not in (*needed, *ALLOWED[self.task]) and given not in (None, ""):
                raise ValueError(
                    f"job.{key}={given} has no effect with job.task={self.task}; leave one of "
                    "them out"
                )
        return self

    @model_validator(mode="after")
    def _templates_name_columns(self) -> Self:
        for key, text in self._templates.items():
            try:
                Template.of(text)
            except ValueError as error:
                raise ValueError(f"{key}: {error}") from None
        if self.task != "lambada" and not list(self._in_texts):
            raise ValueError(
                f"job.context={self.context} and what follows it name no column; write {{column}} "
                "where a row's cell is to stand"
            )
        self.columns("text")
        return self

    @model_validator(mode="after")
    def _there_is_a_choice(self) -> Self:
        if isinstance(self.choices, str) and "{" in self.choices:
            raise ValueError(
                f"job.choices={self.choices} is one text and no list; quote each template, "
                f"{AN_EXAMPLE}, or give the name of a column of lists"
            )
        if not isinstance(self.choices, tuple):
            return self
        if len(self.choices) < 2:
            raise ValueError(
                f"job.choices={list(self.choices)} leaves no choice; give two templates or more, "
                f"{AN_EXAMPLE}, or the name of a column of lists"
            )
        if isinstance(self.labels, tuple) and len(self.labels) != len(self.choices):
            raise ValueError(
                f"job.labels={list(self.labels)} are {len(self.labels)} for {len(self.choices)} "
                "choices; give one for each"
            )
        return self

    @model_validator(mode="after")
    def _labels_differ(self) -> Self:
        if isinstance(self.labels, tuple) and len(set(self.labels)) < len(self.labels):
            raise ValueError(f"job.labels={list(self.labels)} has a label twice")
        return self
