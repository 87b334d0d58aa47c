"""From what an order says about a job to the job itself."""

from longriver.engine.checkpoint import NetworkShape
from longriver.engine.errors import OrderError
from longriver.jobs.combined import CombinedJob
from longriver.jobs.combined_config import CombinedConfig
from longriver.jobs.config import JobConfig
from longriver.jobs.embed_config import EmbedConfig
from longriver.jobs.generate_config import GenerateConfig
from longriver.pipeline.job import Job


def built(
    config: JobConfig, group_columns: tuple[str, ...], shape: NetworkShape, place: str = "job"
) -> Job:
    """The job of an order, for a network of this shape.

    Args:
        place: what the job's keys stand below.

    Raises:
        OrderError: the network has not what the order asks for, or a group column would hide a
            result column.
    """
    if isinstance(config, CombinedConfig):
        parts = {
            part.kind: built(part, group_columns, shape, f"{place}.{part.kind}")
            for part in config.parts
        }
        return CombinedJob.of(parts.items())
    if isinstance(config, EmbedConfig):
        job: Job = config.build(group_columns, shape, place)
    elif isinstance(config, GenerateConfig):
        job = config.build(group_columns, shape)
    else:
        job = config.build(group_columns)
    _refuse_hidden_columns(job, group_columns)
    return job


def _refuse_hidden_columns(job: Job, group_columns: tuple[str, ...]) -> None:
    names = [column.name for column in job.tables[0].columns]
    taken = sorted({name for name in group_columns if names.count(name) > 1})
    if taken:
        raise OrderError(
            f"data.group_columns={','.join(taken)} would hide the result column of that name; "
            "rename it in the data"
        )
