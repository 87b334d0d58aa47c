"""What an order may say about the generate job."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, model_validator

from longriver.engine.generate.sampling import Sampling

if TYPE_CHECKING:
    from longriver.engine.checkpoint import NetworkShape
    from longriver.jobs.generate import GenerateJob
    from longriver.pipeline.receipt import Receipt
    from longriver.pipeline.run_folder import RunFolder
    from longriver.pipeline.summary import Finding


class GenerateConfig(Sampling):
    """What the generate job writes behind every document; see ``Sampling``, too.

    num_samples: so many continuations of each, which differ by what is drawn.
    token_ids:   rows also list the ids of all tokens that were chosen.
    """

    kind: Literal["generate"] = "generate"
    num_samples: Annotated[int, Field(ge=1, le=1024)] = 1
    token_ids: bool = False

    def build(self, group_columns: tuple[str, ...], shape: "NetworkShape") -> "GenerateJob":
        """The job, for a network of this shape.

        Raises:
            OrderError: the order names tokens that the network has not.
        """
        from longriver.jobs.generate import GenerateJob  # seconds that a refused order saves

        return GenerateJob.fitting(self, group_columns, shape)

    def findings(
        self, folder: "RunFolder", receipts: Sequence["Receipt"], group_columns: tuple[str, ...]
    ) -> Mapping[str, "Finding"]:
        """How much was written, and why it ended."""
        from longriver.jobs.generate_findings import findings

        return {self.kind: findings(receipts)}

    @model_validator(mode="after")
    def _nothing_is_said_in_vain(self) -> Self:
        """Without chance there is nothing to cut off, to seed or to repeat."""
        if self.temperature == 0:
            for key in ("top_p", "top_k", "seed", "num_samples"):
                value = getattr(self, key)
                if value != GenerateConfig.model_fields[key].default:
                    raise ValueError(
                        f"job.{key}={value} has no effect with job.temperature=0, which takes the "
                        "likeliest token; leave one out"
                    )
        if self.penalty_decay != 1 and self.frequency_penalty == 0:
            raise ValueError(
                f"job.penalty_decay={self.penalty_decay} has no effect without "
                "job.frequency_penalty; give both or neither"
            )
        return self
