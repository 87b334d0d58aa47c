"""What an order may say about the machines that do it."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class ClusterConfig(BaseModel):
    """Where the workers run.

    kind:            ``local`` works in this process, without Ray; ``ray`` has one engine an actor.
    address:         of a running Ray cluster, ``auto`` or ``ray://host:port``; by default Ray is
                     started here.
    num_workers:     Ray actors; by default one for every GPU, or for every CPU core without GPUs.
    gpus_per_worker: GPUs that each actor reserves; a fraction lets actors share one.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["local", "ray"] = "local"
    address: Annotated[str, Field(min_length=1)] | None = None
    num_workers: Annotated[int, Field(ge=1)] | None = None
    gpus_per_worker: Annotated[float, Field(ge=0)] | None = None

    @model_validator(mode="after")
    def _only_ray_takes_the_rest(self) -> Self:
        if self.kind == "local":
            for name in ("address", "num_workers", "gpus_per_worker"):
                if (value := getattr(self, name)) is not None:
                    raise ValueError(
                        f"cluster.{name}={value} has no effect with cluster.kind=local; "
                        "add cluster.kind=ray"
                    )
        return self

    @model_validator(mode="after")
    def _gpus_are_shared_or_whole(self) -> Self:
        gpus = self.gpus_per_worker
        if gpus is not None and gpus > 1 and gpus != int(gpus):
            raise ValueError(
                f"cluster.gpus_per_worker={gpus} is not a number of GPUs; "
                "give a whole number, or a fraction below 1 to share one"
            )
        return self
