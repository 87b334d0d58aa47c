"""summary.json against one that is computed anew."""

import json
from collections.abc import Iterator, Mapping, Sequence

from longriver.pipeline.receipt import Receipt
from longriver.pipeline.run_folder import RunFolder
from longriver.pipeline.summary import summarize

GROUPED = ("groups", "other_groups")
"""What can be had from rows only; all the rest is in the ledger."""

OF_JOBS = "jobs"
"""What only the jobs themselves know to compute."""


def verify_totals(folder: RunFolder, receipts: Sequence[Receipt]) -> list[str]:
    """Compares all but groups; reads the ledger and the reasons of dead letters."""
    stored, problems = _stored(folder)
    computed = _computed(folder, receipts, ())
    names = [name for name in computed if name not in GROUPED]
    return problems or list(_differences(stored, computed, names))


def verify_summary(folder: RunFolder, receipts: Sequence[Receipt]) -> list[str]:
    """Compares everything; reads all documents where there are groups."""
    columns = folder.read_order().semantic.get("data.group_columns", ())
    assert isinstance(columns, list | tuple)
    stored, problems = _stored(folder)
    computed = _computed(folder, receipts, [str(column) for column in columns])
    return problems or list(_differences(stored, computed, list(computed)))


def _stored(folder: RunFolder) -> tuple[Mapping[str, object], list[str]]:
    try:
        stored = json.loads(folder.fs.cat_file(folder.summary_path))
    except FileNotFoundError:
        return {}, ["summary.json: is missing, but _SUCCESS is there"]
    except ValueError as error:
        return {}, [f"summary.json: cannot be read: {error}"]
    if not isinstance(stored, dict):
        return {}, ["summary.json: is no JSON object"]
    return stored, []


def _computed(
    folder: RunFolder, receipts: Sequence[Receipt], columns: Sequence[str]
) -> dict[str, object]:
    computed: dict[str, object] = json.loads(summarize(folder, receipts, columns).to_json())
    return {name: value for name, value in computed.items() if name != OF_JOBS}


def _differences(
    stored: Mapping[str, object], computed: Mapping[str, object], names: Sequence[str]
) -> Iterator[str]:
    for name in names:
        if stored.get(name) != computed[name]:
            yield (
                f"summary.json: {name} is {_short(stored.get(name))}, "
                f"the tables say {_short(computed[name])}"
            )


def _short(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:60]}…"
