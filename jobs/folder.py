"""Questions about a run folder, answered from storage alone, and its cleaning."""

from rich.console import Console

from longriver.engine.errors import OrderError
from longriver.jobs.exit_code import ExitCode
from longriver.jobs.folder_config import FolderConfig, GcConfig, StatusConfig, VerifyConfig
from longriver.pipeline.driver_lock import DriverLock
from longriver.pipeline.folder_display import print_garbage, print_report
from longriver.pipeline.garbage import find_garbage, remove
from longriver.pipeline.ledger import Ledger
from longriver.pipeline.listing import list_sizes
from longriver.pipeline.plan import Plan
from longriver.pipeline.plan_file import read_plan
from longriver.pipeline.run_folder import RunFolder
from longriver.pipeline.status import read_status
from longriver.pipeline.status_display import print_status
from longriver.pipeline.verify import verify as verify_folder
from longriver.pipeline.verify import verify_deeply


def status(config: StatusConfig) -> int:
    """Prints how far the run is; a run that is not complete is no failure."""
    folder = open_run(config)
    planned = {shard.name: shard.num_bytes for shard in _plan_of(folder).shards}
    found = read_status(folder, planned)
    if config.as_json:
        print(found.to_json())
    else:
        print_status(Console(), config.output.path, found)
    return ExitCode.COMPLETE


def verify(config: VerifyConfig) -> int:
    """Prints whether ledger and files agree, and fails when they do not."""
    folder = open_run(config)
    planned = {shard.name: shard.num_rows for shard in _plan_of(folder).shards}
    check = verify_deeply if config.deep else verify_folder
    report = check(folder, planned)
    print_report(Console(), report)
    return ExitCode.COMPLETE if report.is_whole else ExitCode.FAILED


def gc(config: GcConfig) -> int:
    """Removes what nobody needs any more, unless a run is at work there."""
    folder = open_run(config)
    sizes = list_sizes(folder)
    with DriverLock(folder):
        garbage = find_garbage(folder, sizes, Ledger(folder).read_all().values())
        if not config.dry_run:
            remove(folder, garbage)
    print_garbage(Console(), garbage, "would be removed" if config.dry_run else "removed")
    return ExitCode.COMPLETE


def open_run(config: FolderConfig) -> RunFolder:
    """The run folder; raises OrderError where there is none."""
    folder = RunFolder.open(config.output.path, config.output.storage_options)
    folder.read_order()
    return folder


def _plan_of(folder: RunFolder) -> Plan:
    try:
        with folder.fs.open(folder.plan_path, "rb") as file:
            return read_plan(file)
    except FileNotFoundError as error:
        raise OrderError(
            f"{folder.name}: no plan yet; the command that began the run makes one"
        ) from error
