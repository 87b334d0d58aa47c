"""What an order would read and how long it would take, without carrying it out."""

from collections.abc import Callable

from rich.console import Console

from longriver.jobs.config import RunConfig
from longriver.jobs.exit_code import ExitCode
from longriver.jobs.measure import NotMeasured, measure
from longriver.pipeline.plan import Plan
from longriver.pipeline.plan_display import Rate, print_no_time, print_plan, print_time
from longriver.pipeline.scan import plan_sources


def plan(config: RunConfig, measure: Callable[[RunConfig, Plan], Rate] = measure) -> int:
    """Prints files, sizes, problems and the time they take; nothing is written.

    Args:
        measure: finds how fast one worker reads; raises NotMeasured where that cannot be told.
    """
    console = Console()
    planned = plan_sources(config.reading)
    try:
        with Console(stderr=True).status("measuring how fast a worker reads …"):
            rate = measure(config, planned)
    except NotMeasured as error:
        print_plan(console, planned)
        print_no_time(console, str(error))
    else:
        print_plan(console, planned)
        print_time(console, planned, rate, config.cluster.num_workers or 1)
    return ExitCode.COMPLETE
