"""Does again every shard with dead letters, by the order that the run folder was started with."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from longriver.engine.errors import OrderError
from longriver.jobs.config import RunConfig
from longriver.jobs.exit_code import ExitCode
from longriver.jobs.folder import open_run
from longriver.jobs.folder_config import RetryConfig
from longriver.jobs.run import run_job
from longriver.jobs.stored_order import order_again
from longriver.pipeline.dead_letters import reasons_by_shard, total
from longriver.pipeline.figures import count, counted
from longriver.pipeline.ledger import Ledger

Reasons = Mapping[str, Counter[str]]
CarryOut = Callable[[RunConfig, Sequence[str]], int]


def retry_dead(config: RetryConfig, carry_out: CarryOut = run_job) -> int:
    """Takes the shards out of the ledger and has them done, with all else that is missing."""
    folder = open_run(config)
    reasons = reasons_by_shard(folder, Ledger(folder).read_all().values())
    is_complete = folder.has_succeeded()
    if is_complete and not reasons:
        print(f"{config.output.path} has no dead letters: nothing is to be done again.")
        return ExitCode.COMPLETE
    if is_complete:
        _refuse_unknown(config, total(reasons))
    order = order_again(folder, config.changes)
    chosen = _chosen(config, reasons)
    code = carry_out(order, chosen)
    number = sum(reasons[shard].total() for shard in chosen)
    print(f"{counted(len(chosen), 'shard')} with {counted(number, 'dead letter')}: done again.")
    return code


def _refuse_unknown(config: RetryConfig, found: Mapping[str, int]) -> None:
    """A run that is not complete may have lost its last letters of a reason to this command."""
    for reason in config.reason or ():
        if reason not in found:
            there_are = ", ".join(f"{name} ({count(number)})" for name, number in found.items())
            raise OrderError(
                f"reason={reason}: {config.output.path} has no such dead letters; "
                f"there are {there_are}"
            )


def _chosen(config: RetryConfig, reasons: Reasons) -> list[str]:
    wanted = config.reason
    return [s for s, found in reasons.items() if wanted is None or found.keys() & set(wanted)]
