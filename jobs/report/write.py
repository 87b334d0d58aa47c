"""Writes report.html into the folder of a run that ends."""

import json
from collections.abc import Sequence

from longriver.jobs.config import RunConfig
from longriver.jobs.report.draw import draw
from longriver.jobs.report.run import Run
from longriver.jobs.report.texts import Texts, excerpts_of
from longriver.pipeline.one_line import one_line
from longriver.pipeline.plan import Plan
from longriver.pipeline.receipt import Receipt
from longriver.pipeline.run_folder import RunFolder
from longriver.pipeline.summary import Summary


def write_report(
    folder: RunFolder,
    config: RunConfig,
    plan: Plan,
    receipts: Sequence[Receipt],
    summary: Summary,
) -> str:
    """Where the report of a run that ends is, or why there is none.

    The results are what was ordered, and they are all there: no report is worth less than that,
    so whatever goes wrong here is said, and the run is complete all the same.
    """
    texts = Texts(excerpts_of(plan, config))
    try:
        content = draw(run_of(folder, config, plan, tuple(receipts), summary, texts))
        folder.replace(folder.report_path, content)
    except Exception as error:
        return f"none ({one_line(error)}); longriver report output.path={folder.url} tries again"
    return f"{folder.url}/report.html"


def run_of(
    folder: RunFolder,
    config: RunConfig,
    plan: Plan,
    receipts: tuple[Receipt, ...],
    summary: Summary,
    texts: Texts,
) -> Run:
    return Run(
        folder=folder,
        order=folder.read_order(),
        config=config,
        receipts=receipts,
        num_planned=len(plan.shards),
        summary=json.loads(summary.to_json()),
        texts=texts,
    )
