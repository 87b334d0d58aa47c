"""What may be asked about run folders, without the order that made them."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from longriver.pipeline.storage_options import HiddenOptions

Names = Annotated[
    tuple[Annotated[str, Field(min_length=1)], ...],
    BeforeValidator(lambda given: (given,) if isinstance(given, str) else given),
]
"""A list, or a name alone."""


class FolderPath(BaseModel):
    """Where results are.

    path: the run folder, a path or URL.
    storage_options: what fsspec has to be told of the store, keys and addresses.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: Annotated[str, Field(min_length=1)]
    storage_options: HiddenOptions


class FolderConfig(BaseModel):
    """A question about a run folder, asked without the order that made it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    output: FolderPath


class StatusConfig(FolderConfig):
    """How far is the run?

    json: one JSON object instead of tables.
    """

    as_json: Annotated[bool, Field(alias="json")] = False


class VerifyConfig(FolderConfig):
    """Is the run whole?

    deep: every byte is read again.
    """

    deep: bool = False


class GcConfig(FolderConfig):
    """What nobody needs any more is to go.

    dry_run: only say what would go.
    """

    dry_run: bool = False


class InputAccess(BaseModel):
    """How the input of a run is reached, to which run.json says where it is.

    storage_options: what fsspec has to be told of the store, keys and addresses.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    storage_options: HiddenOptions


class ReportConfig(FolderConfig):
    """A page about the run is to be drawn.

    documents: ids of those whose text is shown with its surprise, beside the worst and the best.
    texts:     passages of the input are in it.
    data:      how they are reached.
    """

    documents: Annotated[Names, Field(max_length=50)] = ()
    texts: bool = True
    data: InputAccess = InputAccess.model_validate({})


class RetryConfig(FolderConfig):
    """Shards with dead letters are to be done again.

    reason:  of which reasons; null: of any.
    changes: what of the order in run.json is to be otherwise, by part and key; only what does not
             change results may be.
    """

    reason: Names | None = None
    changes: Mapping[str, Mapping[str, object]] = {}


class CompareConfig(BaseModel):
    """How do two runs over the same documents differ?

    a, b: their run folders, paths or URLs.
    num_resamples: of the documents, for the intervals; 0: no intervals.
    json: one JSON object instead of tables.
    report: a file of this machine for a page with charts; null: none.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    a: Annotated[str, Field(min_length=1)]
    b: Annotated[str, Field(min_length=1)]
    num_resamples: Annotated[int, Field(ge=0, le=10_000)] = 1000
    as_json: Annotated[bool, Field(alias="json")] = False
    report: Annotated[str, Field(min_length=1)] | None = None


FOLDER_FORMS: Mapping[str, type[FolderConfig]] = {
    "status": StatusConfig,
    "verify": VerifyConfig,
    "report": ReportConfig,
    "gc": GcConfig,
    "retry-dead": RetryConfig,
}
"""The commands about one run folder, and what each is judged by."""
