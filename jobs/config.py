"""An order in full: one frozen value, made of what each floor lets a visitor choose."""

from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    model_validator,
)

from longriver.engine.config import EngineConfig, ModelConfig
from longriver.jobs.combined_config import CombinedConfig
from longriver.jobs.embed_config import EmbedConfig
from longriver.jobs.evaluate_config import EvaluateConfig
from longriver.jobs.generate_config import GenerateConfig
from longriver.jobs.perplexity_config import PerplexityConfig
from longriver.jobs.score_config import ScoreConfig
from longriver.pipeline.cluster_config import ClusterConfig
from longriver.pipeline.data_config import DataConfig
from longriver.pipeline.storage_options import HiddenOptions

MODEL_SETTINGS = {"prefix_token", "lora_alpha", "group_norm_eps"}
"""What changes results beside the files, which are known by their fingerprints."""


def _kind(job: object) -> object:
    """Whose model judges a job; one that does not say what it is, is to score."""
    return job.get("kind", "score") if isinstance(job, Mapping) else getattr(job, "kind", None)


JobConfig = Annotated[
    Annotated[ScoreConfig, Tag("score")]
    | Annotated[EmbedConfig, Tag("embed")]
    | Annotated[PerplexityConfig, Tag("perplexity")]
    | Annotated[GenerateConfig, Tag("generate")]
    | Annotated[EvaluateConfig, Tag("evaluate")]
    | Annotated[CombinedConfig, Tag("run")],
    Discriminator(_kind),
]
"""What can be done with documents; ``jobs/build.py`` makes a job of it."""


class OutputConfig(BaseModel):
    """Where the results go.

    path: the run folder, a path or URL. The same order with the same folder resumes.
    snapshot_tokens: a document is saved every so many tokens, so that no more of it is read again
                     when its worker is lost; null: never.
    storage_options: what fsspec has to be told of the store, keys and addresses.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: Annotated[str, Field(min_length=1)]
    snapshot_tokens: Annotated[int, Field(ge=1024)] | None = 262144
    storage_options: HiddenOptions


class RunConfig(BaseModel):
    """What a visitor orders."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: ModelConfig = ModelConfig()
    data: DataConfig
    output: OutputConfig
    engine: EngineConfig = EngineConfig()
    cluster: ClusterConfig = ClusterConfig()
    job: JobConfig = ScoreConfig()

    def semantic(self, dtype: str) -> dict[str, object]:
        """The settings that decide what the results say, by dotted key.

        A run folder is resumed only by an order with the same ones. Left out are what its own
        fingerprint guards (checkpoint, vocabulary, input files: the same bytes may move) and what
        changes only how fast or where the work is done (device, slots, steps, threads, cluster).

        Args:
            dtype: what ``engine.dtype`` came to on this machine; elsewhere ``auto`` may differ.
        """
        parts: dict[str, dict[str, object]] = {
            "model": self.model.model_dump(mode="json", include=MODEL_SETTINGS),
            "data": self.data.model_dump(mode="json", exclude={"path"}),
            "engine": {"dtype": dtype},
            "job": self.job.model_dump(mode="json"),
        }
        return {
            f"{part}.{key}": value for part, keys in parts.items() for key, value in keys.items()
        }

    @model_validator(mode="after")
    def _spans_and_their_column_go_together(self) -> Self:
        embed = self.job.embed if isinstance(self.job, CombinedConfig) else self.job
        has_use = isinstance(embed, EmbedConfig) and embed.segments == "spans"
        column = self.data.spans_column
        if has_use and column is None:
            said = "job.segments=spans" if embed is self.job else "job.embed.segments=spans"
            raise ValueError(f"data.spans_column is missing; {said} looks for them there")
        if column is not None and not has_use:
            raise ValueError(
                f"data.spans_column={column} has no effect without an embed job that has "
                "segments=spans; leave it out"
            )
        return self

    @property
    def reading(self) -> DataConfig:
        """What is read of the data: of examples, the columns that they are made of."""
        return self.job.reading(self.data) if isinstance(self.job, EvaluateConfig) else self.data

    @model_validator(mode="after")
    def _examples_are_rows(self) -> Self:
        if isinstance(self.job, EvaluateConfig):
            self.job.check(self.data)
        return self

    @model_validator(mode="after")
    def _gpu_engines_need_a_gpu(self) -> Self:
        if self.engine.device == "cuda" and self.cluster.gpus_per_worker == 0:
            raise ValueError(
                "cluster.gpus_per_worker=0 leaves engine.device=cuda without a GPU; "
                "leave one of them out"
            )
        return self

    @model_validator(mode="after")
    def _gpus_need_a_gpu_engine(self) -> Self:
        if self.engine.device == "cpu" and self.cluster.gpus_per_worker:
            raise ValueError(
                f"cluster.gpus_per_worker={self.cluster.gpus_per_worker} has no effect with "
                "engine.device=cpu; leave one of them out"
            )
        return self


class ScoreOrder(RunConfig):
    """``longriver score``."""

    job: ScoreConfig = ScoreConfig()


class EmbedOrder(RunConfig):
    """``longriver embed``."""

    job: EmbedConfig = EmbedConfig()


class PerplexityOrder(RunConfig):
    """``longriver perplexity``."""

    job: PerplexityConfig = PerplexityConfig()


class EvaluateOrder(RunConfig):
    """``longriver evaluate``."""

    job: EvaluateConfig = EvaluateConfig()


class GenerateOrder(RunConfig):
    """``longriver generate``."""

    job: GenerateConfig = GenerateConfig()


class CombinedOrder(RunConfig):
    """``longriver run``."""

    job: CombinedConfig


ORDERS: Mapping[str, type[RunConfig]] = {
    "score": ScoreOrder,
    "embed": EmbedOrder,
    "perplexity": PerplexityOrder,
    "generate": GenerateOrder,
    "evaluate": EvaluateOrder,
    "run": CombinedOrder,
}
"""The commands that carry out a job, and what an order of each is judged by."""


def order_model(order: Mapping[str, object]) -> type[RunConfig]:
    """What an order is judged by that says itself of which kind its job is."""
    return ORDERS.get(str(_kind(order.get("job"))), RunConfig)
