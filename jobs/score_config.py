"""What an order may say about the score job."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from longriver.jobs.context_policy import ContextPolicy

if TYPE_CHECKING:
    from longriver.jobs.score import ScoreJob
    from longriver.pipeline.receipt import Receipt
    from longriver.pipeline.run_folder import RunFolder
    from longriver.pipeline.summary import Finding


class ScoreConfig(BaseModel):
    """What the score job writes.

    segment_tokens: tokens of each row of the table ``segments``.
    token_ids:      every segment also lists its token ids.
    token_nll:      every segment also lists the nats of each of its tokens.
    context_policy: what a token is conditioned on: ``streaming`` is everything before it,
                    ``window:L`` what a model with a context of L tokens would see.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["score"] = "score"
    segment_tokens: Annotated[int, Field(ge=1, le=1_000_000)] = 1024
    token_ids: bool = False
    token_nll: bool = False
    context_policy: ContextPolicy = "streaming"

    def build(self, group_columns: tuple[str, ...]) -> "ScoreJob":
        from longriver.jobs.score import ScoreJob  # seconds that a refused order does without

        return ScoreJob(self, group_columns)

    def findings(
        self, folder: "RunFolder", receipts: Sequence["Receipt"], group_columns: tuple[str, ...]
    ) -> Mapping[str, "Finding"]:
        """What stands in every run's figures is all."""
        return {}
