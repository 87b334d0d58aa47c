"""What an order may say about the perplexity job."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from longriver.jobs.context_policy import ContextPolicy

if TYPE_CHECKING:
    from longriver.jobs.perplexity import PerplexityJob
    from longriver.pipeline.receipt import Receipt
    from longriver.pipeline.run_folder import RunFolder
    from longriver.pipeline.summary import Finding


class PerplexityConfig(BaseModel):
    """What the perplexity job measures.

    context_policy: what a token is conditioned on: ``streaming`` is everything before it,
                    ``window:L`` what a model with a context of L tokens would see.
    num_resamples:  of the documents, for the intervals; 0: no intervals.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["perplexity"] = "perplexity"
    context_policy: ContextPolicy = "streaming"
    num_resamples: Annotated[int, Field(ge=0, le=10_000)] = 1000

    def build(self, group_columns: tuple[str, ...]) -> "PerplexityJob":
        from longriver.jobs.perplexity import PerplexityJob  # seconds that a refused order saves

        return PerplexityJob(self, group_columns)

    def findings(
        self, folder: "RunFolder", receipts: Sequence["Receipt"], group_columns: tuple[str, ...]
    ) -> Mapping[str, "Finding"]:
        """Means over documents, intervals, and figures by position, length and group."""
        from longriver.jobs.perplexity_findings import findings

        return {self.kind: findings(folder, group_columns, self.num_resamples)}
