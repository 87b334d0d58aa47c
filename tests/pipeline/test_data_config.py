"""The ``data`` part of an order refuses what cannot take effect."""

import pytest
from pydantic import ValidationError

from longriver.pipeline.data_config import DataConfig


def test_only_the_path_must_be_said() -> None:
    data = DataConfig(path="a")
    assert (data.format, data.text_column, data.shard_bytes) == ("auto", "text", "auto")


@pytest.mark.parametrize(
    "keys,complaint",
    [
        ({"part_column": "part"}, "part_column=part needs id_column"),
        ({"group_columns": ["lang", "nll"]}, "group_columns=nll would hide"),
        ({"group_columns": ["a", "a"]}, "names a column twice"),
        ({"shard_bytes": 0}, "greater than 0"),
        ({"shard_bytes": "big"}, "auto"),
        ({"format": "xml"}, "parquet"),
        ({"text_colum": "body"}, "text_colum"),
        ({"path": ""}, "at least 1"),
    ],
)
def test_a_bad_value_is_named(keys: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        DataConfig.model_validate({"path": "a", **keys})


def test_named_columns_say_which_key_names_them() -> None:
    data = DataConfig(path="a", id_column="id", part_column="n", group_columns=("x", "y"))
    assert data.named_columns == {
        "data.text_column": "text",
        "data.id_column": "id",
        "data.part_column": "n",
        "data.group_columns[0]": "x",
        "data.group_columns[1]": "y",
    }
