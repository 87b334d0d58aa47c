"""What to read: the ``data`` part of an order."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from longriver.pipeline.storage_options import HiddenOptions

Format = Literal["auto", "parquet", "arrow", "csv", "jsonl", "text"]

RESULT_COLUMNS = frozenset(
    {
        "document_id",
        "source",
        "source_row",
        "num_bytes",
        "num_chars",
        "num_words",
        "num_tokens",
        "nll",
        "bits_per_byte",
        "perplexity",
        "word_perplexity",
        "byte_perplexity",
        "context_policy",
        "status",
    }
)
"""Columns that results have of their own; a group column cannot take such a name."""


@dataclass(frozen=True, slots=True)
class FieldColumn:
    """A column that a job names, to put its cells together with others.

    said:    what the order says of it, key and value, as a refusal repeats it.
    is_list: its cells are lists of texts.
    """

    name: str
    said: str
    is_list: bool = False


class DataConfig(BaseModel):
    """Where the documents are and which columns hold them.

    Args:
        path: file, folder, glob or fsspec URL.
        part_column: whole numbers that rise within a document made of consecutive rows of one id;
            such a document lies in one file.
        group_columns: carried to the results as text.
        spans_column: a list of [start, end] in each row, bytes of its UTF-8 text, one behind the
            other, for a job that cuts there.
        shard_bytes: text in a shard, about; ``auto`` follows the size of the input.
        max_document_bytes: a document with more text is a dead letter; null: none is too long.
        storage_options: what fsspec has to be told of the store, keys and addresses.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: Annotated[str, Field(min_length=1)]
    format: Format = "auto"
    text_column: str = "text"
    id_column: str | None = None
    part_column: str | None = None
    group_columns: tuple[str, ...] = ()
    spans_column: str | None = None
    shard_bytes: Annotated[int, Field(gt=0)] | Literal["auto"] = "auto"
    max_document_bytes: Annotated[int, Field(gt=0)] | None = None
    storage_options: HiddenOptions

    @model_validator(mode="after")
    def _parts_have_an_id(self) -> "DataConfig":
        if self.part_column is not None and self.id_column is None:
            raise ValueError(
                f"part_column={self.part_column} needs id_column: parts are the rows of one id"
            )
        return self

    @model_validator(mode="after")
    def _spans_are_of_rows(self) -> "DataConfig":
        if self.spans_column is not None and self.part_column is not None:
            raise ValueError(
                f"spans_column={self.spans_column} says where in a row's text spans are, and with "
                f"part_column={self.part_column} a document is many rows; leave one of them out"
            )
        return self

    @model_validator(mode="after")
    def _groups_are_new_columns(self) -> "DataConfig":
        taken = sorted(RESULT_COLUMNS & set(self.group_columns))
        if taken:
            raise ValueError(
                f"group_columns={','.join(taken)} would hide the result column of that name; "
                "rename it in the data"
            )
        if len(set(self.group_columns)) < len(self.group_columns):
            raise ValueError(f"group_columns={','.join(self.group_columns)} names a column twice")
        return self

    @property
    def field_columns(self) -> tuple[FieldColumn, ...]:
        """Where there are any, a row's text is what they hold, one cell behind the other."""
        return ()

    @property
    def text_columns(self) -> tuple[str, ...]:
        """The columns that a row's text is in."""
        return (self.text_column,)

    @property
    def all_columns(self) -> list[str]:
        """All that is read of a row, each column once."""
        return list(dict.fromkeys((*self.text_columns, *self.named_columns.values())))

    def with_fields(self, fields: Iterable[FieldColumn]) -> "FieldsConfig":
        """The same data, their rows read for these columns."""
        given = {name: value for name, value in self if name != "fields"}
        return FieldsConfig.model_validate({**given, "fields": tuple(fields)})

    @property
    def named_columns(self) -> dict[str, str]:
        """Every column that must be there, by the key that names it, ``text_column`` first."""
        return {"data.text_column": self.text_column, **self._other_columns}

    @property
    def _other_columns(self) -> dict[str, str]:
        named: dict[str, str] = {}
        if self.id_column is not None:
            named["data.id_column"] = self.id_column
        if self.part_column is not None:
            named["data.part_column"] = self.part_column
        if self.spans_column is not None:
            named["data.spans_column"] = self.spans_column
        groups = {f"data.group_columns[{i}]": name for i, name in enumerate(self.group_columns)}
        return named | groups


class FieldsConfig(DataConfig):
    """Data of which no column is the text: a job takes the cells of several."""

    fields: tuple[FieldColumn, ...]

    @property
    def field_columns(self) -> tuple[FieldColumn, ...]:
        return self.fields

    @property
    def text_columns(self) -> tuple[str, ...]:
        return tuple(field.name for field in self.fields)

    @property
    def named_columns(self) -> dict[str, str]:
        return self._other_columns
