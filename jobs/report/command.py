"""`longriver report`: the report of a run, drawn anew."""

from longriver.engine.errors import OrderError
from longriver.jobs.exit_code import ExitCode
from longriver.jobs.folder import open_run
from longriver.jobs.folder_config import ReportConfig
from longriver.jobs.report.draw import draw
from longriver.jobs.report.texts import Texts, excerpts_of
from longriver.jobs.report.write import run_of
from longriver.jobs.stored_order import order_again
from longriver.pipeline.figures import data_size
from longriver.pipeline.ledger import Ledger
from longriver.pipeline.session import stored_plan
from longriver.pipeline.summary import summarize


def report(config: ReportConfig) -> int:
    """``longriver report``: draws what is committed by now."""
    folder = open_run(config)
    order = order_again(folder, {})
    data = order.data.model_copy(update={"storage_options": config.data.storage_options})
    order = order.model_copy(update={"data": data})
    plan = stored_plan(folder)
    if plan is None:
        raise OrderError(
            f"output.path={folder.url}: no plan yet; the command that began the run makes one"
        )
    receipts = tuple(Ledger(folder).read_all().values())
    columns = order.data.group_columns
    findings = order.job.findings(folder, receipts, columns)
    summary = summarize(folder, receipts, columns, findings=findings)
    texts = Texts(excerpts_of(plan, order) if config.texts else None)
    content = draw(run_of(folder, order, plan, receipts, summary, texts), config.documents)
    folder.replace(folder.report_path, content)
    print(f"{config.output.path}/report.html ({data_size(len(content))})")
    return ExitCode.COMPLETE
