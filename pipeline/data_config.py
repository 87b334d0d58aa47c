"""What to read: the ``data`` part of an order."""

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


class DataConfig(BaseModel):
    """Where the documents are and which columns hold them.

    Args:
        path: file, folder, glob or fsspec URL.
        part_column: whole numbers that rise within a document made of consecutive rows of one id;
            such a document lies in one file.
        group_columns: carried to the results as text.
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
    def named_columns(self) -> dict[str, str]:
        """Every column that must be there, by the key that names it, ``text_column`` first."""
        named = {"data.text_column": self.text_column}
        if self.id_column is not None:
            named["data.id_column"] = self.id_column
        if self.part_column is not None:
            named["data.part_column"] = self.part_column
        groups = {f"data.group_columns[{i}]": name for i, name in enumerate(self.group_columns)}
        return named | groups
