"""What an order would read, without carrying it out."""

from collections.abc import Callable

from rich.console import Console

from longriver.jobs.config import RunConfig
from longriver.jobs.exit_code import ExitCode
from longriver.pipeline.plan_display import Rate, print_plan, print_time
from longriver.pipeline.scan import plan_sources


def plan(config: RunConfig, measure: Callable[[RunConfig], Rate] | None = None) -> int:
    """Prints files, sizes, problems and the time they take; nothing is written.

    Args:
        measure: finds how fast one worker reads; None leaves the time out.
    """
    console = Console()
    planned = plan_sources(config.data)
    print_plan(console, planned)
    if measure is not None:
        print_time(console, planned, measure(config), config.cluster.num_workers or 1)
    return ExitCode.COMPLETE
