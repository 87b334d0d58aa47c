"""What an order may say about the embed job."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

if TYPE_CHECKING:
    from longriver.engine.checkpoint import NetworkShape
    from longriver.jobs.embed import EmbedJob
    from longriver.pipeline.receipt import Receipt
    from longriver.pipeline.run_folder import RunFolder
    from longriver.pipeline.summary import Finding

Pooling = Literal["mean", "last", "weighted", "state"]
Precision = Literal["float32", "float16", "int8", "ubinary"]

SEGMENT_TOKENS = 512
DIRECTIONS = ("int8", "ubinary")
"""Precisions that keep a vector's direction alone."""


class EmbedConfig(BaseModel):
    """What the embed job writes.

    pooling:        what a stretch of tokens becomes: the ``mean`` of its vectors, the ``last`` one,
                    the mean ``weighted`` by position (1, 2, 3, …), or the recurrent ``state``
                    behind it.
    layer:          whose vectors, counted from 1; 0 is what enters the first, -1 what the head
                    sees. Of ``state``: whose state, -1 being all of them.
    normalize:      vectors of length 1.
    precision:      of each number; ``ubinary`` is a bit a number, eight to a byte.
    truncate_dim:   only so many of the first numbers; null: all of them.
    vectors:        one for each document, for each segment, or for both.
    segments:       where segments end: behind so many tokens, paragraphs or sentences; or segments
                    are the spans that the data name.
    segment_tokens: tokens of a segment, and the most that any has; a span has as many as it has.
    segment_text:   every segment's row has its text.
    passes:         2: documents are read twice, and the vectors are those of the second reading,
                    in which every token has the whole document before it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["embed"] = "embed"
    pooling: Pooling = "mean"
    layer: Annotated[int, Field(ge=-1)] = -1
    normalize: bool = True
    precision: Precision = "float32"
    truncate_dim: Annotated[int, Field(ge=1)] | None = None
    vectors: Literal["both", "documents", "segments"] = "both"
    segments: Literal["tokens", "paragraph", "sentence", "spans"] = "tokens"
    segment_tokens: Annotated[int, Field(ge=1, le=1_000_000)] = SEGMENT_TOKENS
    segment_text: bool = False
    passes: Literal[1, 2] = 1

    def build(
        self, group_columns: tuple[str, ...], shape: "NetworkShape", place: str = "job"
    ) -> "EmbedJob":
        """The job, for a network of this shape.

        Args:
            place: what its keys stand below.

        Raises:
            OrderError: the order asks for what the network has not.
        """
        from longriver.jobs.embed import EmbedJob  # seconds that a refused order does without

        return EmbedJob.fitting(self, group_columns, shape, place)

    def findings(
        self, folder: "RunFolder", receipts: Sequence["Receipt"], group_columns: tuple[str, ...]
    ) -> Mapping[str, "Finding"]:
        """How many segments there are, and how wide the vectors."""
        from longriver.jobs.embed_findings import findings

        return {self.kind: findings(folder, receipts)}

    @model_validator(mode="after")
    def _nothing_is_said_in_vain(self) -> Self:
        for key, value, kept, why in self._vain:
            if value != kept:
                raise ValueError(f"{key}={_shown(value)} has no effect with {why}; leave one out")
        return self

    @property
    def _vain(self) -> list[tuple[str, object, object, str]]:
        """Keys that must stay as they are, beside others: key, value, default, beside what."""
        vain: list[tuple[str, object, object, str]] = []
        if self.vectors == "documents":
            why = "vectors=documents"
            vain += [
                ("segments", self.segments, "tokens", why),
                ("segment_tokens", self.segment_tokens, SEGMENT_TOKENS, why),
                ("segment_text", self.segment_text, False, why),
            ]
        elif self.segments == "spans":
            why = "segments=spans"
            vain.append(("segment_tokens", self.segment_tokens, SEGMENT_TOKENS, why))
        if self.precision in DIRECTIONS:
            why = f"precision={self.precision}, which keeps directions alone"
            vain.append(("normalize", self.normalize, True, why))
        return vain

    @model_validator(mode="after")
    def _numbers_fit_their_type(self) -> Self:
        if self.precision == "float16" and not self.normalize:
            raise ValueError(
                "precision=float16 with normalize=false: a layer's numbers can be beyond "
                "65504, the largest of that type; leave one of them out"
            )
        return self

    @model_validator(mode="after")
    def _there_is_such_a_state(self) -> Self:
        if self.pooling == "state" and self.layer == 0:
            raise ValueError(
                "layer=0 with pooling=state: what enters the first layer has no state; "
                "give a layer, counted from 1, or -1 for all"
            )
        return self

    @model_validator(mode="after")
    def _bits_fill_bytes(self) -> Self:
        if self.precision == "ubinary" and (self.truncate_dim or 8) % 8:
            raise ValueError(
                f"truncate_dim={self.truncate_dim} with precision=ubinary: bits are packed "
                "eight to a byte; give a multiple of 8"
            )
        return self


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
