"""An order that has been judged, carried out."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from rich.console import Console

from longriver.engine.checkpoint import Fingerprints, judge
from longriver.engine.settings import resolve
from longriver.engine.weights import absolute, pinned
from longriver.jobs.build import built
from longriver.jobs.config import RunConfig
from longriver.jobs.exit_code import ExitCode
from longriver.jobs.report.write import write_report
from longriver.jobs.signals import stopped_by_signals
from longriver.pipeline.drain import Drain
from longriver.pipeline.driver_lock import DriverLock
from longriver.pipeline.job import Job
from longriver.pipeline.local import LocalWorkforce
from longriver.pipeline.loopback import keep_ray_to_this_machine
from longriver.pipeline.model_files import fetched
from longriver.pipeline.order import Order, recorded
from longriver.pipeline.progress import Progress, Reporter, RunOutcome
from longriver.pipeline.progress_display import reporter_for
from longriver.pipeline.run_folder import RunFolder
from longriver.pipeline.session import Session, input_plan
from longriver.pipeline.summary import summarize, write_summary
from longriver.pipeline.withdraw import withdraw
from longriver.pipeline.worker import WorkerSpec
from longriver.pipeline.workforce import Workforce

Hire = Callable[[RunConfig, Drain], Workforce]


def run_job(config: RunConfig, again: Sequence[str] = ()) -> int:
    """Does what is missing of the order; progress goes to stderr, the closing table to stdout.

    Args:
        again: shards that are committed and are to be done again.
    """
    reporter = reporter_for(Console(stderr=True), Console())
    outcome = run(config, reporter, again=again)
    reporter.finish(outcome)
    return ExitCode.SOME_DEAD if outcome.num_dead_letters else ExitCode.COMPLETE


def workforce_of(config: RunConfig, drain: Drain) -> Workforce:
    """Who is to do an order."""
    if config.cluster.kind == "local":
        return LocalWorkforce(config.cluster, drain)
    if config.cluster.address is None:
        keep_ray_to_this_machine()
    from longriver.pipeline.driver import RayWorkforce  # seconds that local runs do without

    return RayWorkforce(config.cluster, drain)


def run(
    config: RunConfig, reporter: Reporter, hire: Hire = workforce_of, again: Sequence[str] = ()
) -> RunOutcome:
    """Judges checkpoint and input, claims the run folder, has the missing shards done, adds up.

    Args:
        again: shards that count as missing, whatever the ledger says.

    Raises:
        OrderError: before any work, where the order cannot be carried out.
        RunFailed: half-way; the same order goes on.
    """
    try:
        return _run(config, reporter, hire, again)
    finally:
        reporter.stop()


def _run(config: RunConfig, reporter: Reporter, hire: Hire, again: Sequence[str]) -> RunOutcome:
    config = config.model_copy(update={"model": pinned(config.model)})
    judged = judge(fetched(config.model))
    job = built(config.job, config.data.group_columns, judged.shape)
    folder = RunFolder.open(config.output.path, config.output.storage_options)
    started = folder.started_order()
    plan, inputs_sha256 = input_plan(folder, config.reading)
    dtype = _known_dtype(config, started)
    with DriverLock(folder) as lock:
        is_done = started is not None and not again and folder.has_succeeded()
        if dtype is not None and is_done:
            order = _order(config, job, judged.fingerprints, inputs_sha256, dtype)
            return _conclude(Session.open(folder, order, plan), config, Progress(), 0.0)
        if config.cluster.kind == "ray":
            reporter.prepare("starting Ray" if config.cluster.address is None else "joining Ray")
        drain = Drain()
        with hire(config, drain) as workforce, stopped_by_signals(drain):
            wanted = config.engine.model_copy(update={"dtype": dtype or "auto"})
            settings = resolve(wanted, has_cuda=workforce.has_gpu)
            dtype_name = settings.dtype_name
            order = _order(config, job, judged.fingerprints, inputs_sha256, dtype_name)
            session = Session.open(folder, order, plan)
            withdraw(lock, again)
            spec = replace(
                _spec(config, job, session, judged.fingerprints, settings.device.type),
                commits=lock.commits,
            )
            began_s = time.monotonic()
            done = session.work(workforce, spec, reporter, lock)
            seconds = time.monotonic() - began_s
        return _conclude(session, config, done, seconds)


def _conclude(session: Session, config: RunConfig, done: Progress, seconds: float) -> RunOutcome:
    receipts = list(session.check_whole(config.reading).values())
    columns = config.data.group_columns
    findings = config.job.findings(session.folder, receipts, columns)
    summary = summarize(session.folder, receipts, columns, findings=findings)
    report = write_report(session.folder, config, session.plan, receipts, summary)
    write_summary(session.folder, summary)
    return RunOutcome(config.output.path, summary, done, seconds, report)


def _order(
    config: RunConfig, job: Job, fingerprints: Fingerprints, inputs_sha256: str, dtype: str
) -> Order:
    return Order(
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        order=config.model_dump(mode="json"),
        fingerprints={
            "model": fingerprints.model,
            "tokenizer": fingerprints.tokenizer,
            "inputs": inputs_sha256,
        },
        semantic=config.semantic(dtype),
        tables=recorded(job.tables),
    )


def _spec(
    config: RunConfig, job: Job, session: Session, fingerprints: Fingerprints, device: str
) -> WorkerSpec:
    dtype = session.order.semantic["engine.dtype"]
    return WorkerSpec(
        model=absolute(config.model),
        engine=config.engine.model_copy(update={"device": device, "dtype": dtype}),
        data=config.reading,
        output_path=session.folder.absolute_url,
        job=job,
        metadata=session.order.metadata,
        fingerprints=fingerprints,
        snapshot_tokens=config.output.snapshot_tokens,
        output_options=config.output.storage_options,
    )


def _known_dtype(config: RunConfig, started: Order | None) -> str | None:
    """What was ordered, or what ``auto`` came to when the run was started."""
    if config.engine.dtype != "auto":
        return config.engine.dtype
    return None if started is None else str(started.semantic["engine.dtype"])
