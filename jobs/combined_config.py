"""What an order may say about several jobs in one pass."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal, Self

from pydantic import BaseModel, ConfigDict, model_validator

from longriver.jobs.context_policy import STREAMING
from longriver.jobs.embed_config import EmbedConfig
from longriver.jobs.perplexity_config import PerplexityConfig
from longriver.jobs.score_config import ScoreConfig

if TYPE_CHECKING:
    from longriver.pipeline.receipt import Receipt
    from longriver.pipeline.run_folder import RunFolder
    from longriver.pipeline.summary import Finding

Part = PerplexityConfig | ScoreConfig | EmbedConfig

APART = "or run the jobs into folders of their own"


class CombinedConfig(BaseModel):
    """Jobs that share one reading of every document; what is not named is not done.

    The first of them that is named, in this order, has the table that counts the documents.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["run"] = "run"
    perplexity: PerplexityConfig | None = None
    score: ScoreConfig | None = None
    embed: EmbedConfig | None = None

    @property
    def parts(self) -> tuple[Part, ...]:
        found = (self.perplexity, self.score, self.embed)
        return tuple(part for part in found if part is not None)

    def findings(
        self, folder: "RunFolder", receipts: Sequence["Receipt"], group_columns: tuple[str, ...]
    ) -> Mapping[str, "Finding"]:
        """Those of each."""
        found: dict[str, Finding] = {}
        for part in self.parts:
            found |= part.findings(folder, receipts, group_columns)
        return found

    @model_validator(mode="after")
    def _something_is_to_be_done(self) -> Self:
        if not self.parts:
            raise ValueError(
                "job=[] names no job; give some of perplexity, score and embed, as in "
                "job=[score,embed]"
            )
        return self

    @model_validator(mode="after")
    def _one_pass_has_one_context_policy(self) -> Self:
        policies = {
            f"job.{part.kind}.context_policy={part.context_policy}": part.context_policy
            for part in self.parts
            if not isinstance(part, EmbedConfig)
        }
        if len(set(policies.values())) > 1:
            said = " and ".join(policies)
            raise ValueError(f"{said}: jobs in one pass share one; make them equal, {APART}")
        if self.embed is not None and set(policies.values()) - {STREAMING}:
            said = next(iter(policies))
            raise ValueError(f"{said}: windows have no vectors for embed; leave it out, {APART}")
        return self
