"""Questions about a run folder, answered from storage alone."""

from rich.console import Console

from longriver.engine.errors import OrderError
from longriver.jobs.config import FolderConfig
from longriver.jobs.exit_code import ExitCode
from longriver.pipeline.folder_display import print_report, print_status
from longriver.pipeline.plan import Plan
from longriver.pipeline.plan_file import read_plan
from longriver.pipeline.run_folder import RunFolder
from longriver.pipeline.status import read_status
from longriver.pipeline.verify import verify as verify_folder


def status(config: FolderConfig) -> int:
    """Prints how far the run is; a run that is not complete is no failure."""
    folder = RunFolder.open(config.output.path)
    planned = {shard.name: shard.num_bytes for shard in _plan_of(folder).shards}
    print_status(Console(), config.output.path, read_status(folder, planned))
    return ExitCode.COMPLETE


def verify(config: FolderConfig) -> int:
    """Prints whether ledger and files agree, and fails when they do not."""
    folder = RunFolder.open(config.output.path)
    planned = {shard.name: shard.num_rows for shard in _plan_of(folder).shards}
    report = verify_folder(folder, planned)
    print_report(Console(), report)
    return ExitCode.COMPLETE if report.is_whole else ExitCode.FAILED


def _plan_of(folder: RunFolder) -> Plan:
    folder.read_order()
    try:
        with folder.fs.open(folder.plan_path, "rb") as file:
            return read_plan(file)
    except FileNotFoundError as error:
        raise OrderError(
            f"output.path={folder.url}: no plan yet; the command that began the run makes one"
        ) from error
