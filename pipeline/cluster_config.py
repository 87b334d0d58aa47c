"""What an order may say about the machines that do it."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

RAY_ONLY = (
    "address",
    "num_workers",
    "min_workers",
    "max_workers",
    "gpus_per_worker",
    "hang_timeout_s",
)


class ClusterConfig(BaseModel):
    """Where the workers run.

    kind:            ``local`` works in this process, without Ray; ``ray`` has one engine an actor.
    address:         of a running Ray cluster, ``auto`` or ``ray://host:port``; by default Ray is
                     started here.
    num_workers:     Ray actors; by default one for every GPU, or for every CPU core without GPUs.
    min_workers:     work begins when so many are up; the others join as they come.
    max_workers:     in place of num_workers, for a cluster that grows and shrinks: so many are
                     asked for, whatever it has room for now.
    gpus_per_worker: GPUs that each actor reserves; a fraction lets actors share one.
    hang_timeout_s:  a worker that stands still for so long is given up, or for 20 times the longest
                     step of the run, if that is longer; null waits for ever.
    max_crashed_documents: with more documents that kill workers than this, the run stops.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["local", "ray"] = "local"
    address: Annotated[str, Field(min_length=1)] | None = None
    num_workers: Annotated[int, Field(ge=1)] | None = None
    min_workers: Annotated[int, Field(ge=1)] = 1
    max_workers: Annotated[int, Field(ge=1)] | None = None
    gpus_per_worker: Annotated[float, Field(ge=0)] | None = None
    hang_timeout_s: Annotated[float, Field(gt=0)] | None = 300.0
    max_crashed_documents: Annotated[int, Field(ge=0)] = 20

    @model_validator(mode="after")
    def _a_dashboard_cannot_be_joined(self) -> Self:
        if (self.address or "").startswith(("http://", "https://")):
            raise ValueError(
                f"cluster.address={self.address} is where orders are handed in, not a cluster to "
                "join; write longriver submit JOB with it, or give cluster.address=auto"
            )
        return self

    @model_validator(mode="after")
    def _only_ray_takes_the_rest(self) -> Self:
        if self.kind == "local":
            for name in RAY_ONLY:
                if (value := getattr(self, name)) != type(self).model_fields[name].default:
                    raise ValueError(
                        f"cluster.{name}={value} has no effect with cluster.kind=local; "
                        "add cluster.kind=ray"
                    )
        return self

    @model_validator(mode="after")
    def _numbers_of_workers_agree(self) -> Self:
        if self.num_workers is not None and self.max_workers is not None:
            raise ValueError(
                f"cluster.num_workers={self.num_workers} and "
                f"cluster.max_workers={self.max_workers} both say how many; leave one of them out"
            )
        most = self.max_workers or self.num_workers
        if most is not None and self.min_workers > most:
            raise ValueError(
                f"cluster.min_workers={self.min_workers} is more than the {most} there are to be; "
                "lower it"
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
