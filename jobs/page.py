"""What `longriver --help` says; every default on it is read from the models."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from importlib.metadata import version

from pydantic import BaseModel

from longriver.jobs.complaint import shown
from longriver.jobs.config import (
    ORDERS,
    CompareConfig,
    GcConfig,
    InspectConfig,
    ReportConfig,
    RetryConfig,
    RunConfig,
    StatusConfig,
    VerifyConfig,
)
from longriver.jobs.keys import REQUIRED, Key, keys_of
from longriver.jobs.lm_eval_options import LmEvalOptions
from longriver.jobs.submit_config import HandIn

LM_EVAL = "lm-eval"

COMMANDS = {
    "score": "how likely an RWKV network finds each document and each part of it",
    "perplexity": "how well it predicts a corpus: intervals, by position, by group",
    "embed": "vectors of documents and of their segments, for search",
    "generate": "what an RWKV network writes behind each document",
    "evaluate": "whether it says what it should: LAMBADA, multiple choice",
    "lm-eval": "lm-evaluation-harness, with our model among its own",
    "run": "several of these in one pass over the documents",
    "plan": "what `score` would read, what is wrong with it, how long it takes",
    "status": "how far a run is, who is at it, what died; from storage alone",
    "verify": "whether every document is in a run folder exactly once",
    "report": "draws report.html: figures, curves, worst and best texts",
    "compare": "two runs side by side: which needs fewer bits, where, how surely",
    "gc": "removes what no reader and no run needs from a run folder",
    "retry-dead": "does again what has dead letters, by the order on record",
    "inspect": "what a checkpoint is: version, sizes, cost, tokenizer, fingerprint",
    "submit": "hands an order to a Ray cluster; follows, stops, lists such jobs",
}

KEYS = {
    "data.path": "the documents: file, folder, glob or URL",
    "data.format": "or parquet, arrow, csv, jsonl, text",
    "data.text_column": "where the text is",
    "data.id_column": "the document's name; null: its position",
    "data.part_column": "for documents in consecutive rows of one id",
    "data.group_columns": "results carry them, figures are given by them",
    "data.spans_column": "[start, end] lists of bytes: job.segments=spans",
    "data.shard_bytes": "text in a unit of work",
    "data.max_document_bytes": "longer ones are dead letters; null: no limit",
    "data.storage_options": "keys and address of its store, as a mapping",
    "model.path": "or .pth, .safetensors, folder, hf://owner/name",
    "model.lora": "LoRA file or folder, merged into the weights",
    "model.lora_alpha": "its scale, where the file does not say",
    "model.state": "state-tuned file: what documents start from",
    "model.group_norm_eps": "null: 64e-5; old RWKV-5 files: 1e-5",
    "model.tokenizer": "or world, bytes, a tokenizer.json",
    "model.vocab": "World vocabulary; null: an installed one",
    "model.prefix_token": "id before a document's first token",
    "output.path": "the run folder",
    "output.snapshot_tokens": "a long document is saved every so many; or null",
    "output.storage_options": "keys and address of its store, as a mapping",
    "job.segment_tokens": "tokens of a segment, or the most of one",
    "job.token_nll": "every token's nats in segments",
    "job.token_ids": "every token's id, in rows of its text",
    "job.context_policy": "or window:L; a token sees all that is before it",
    "job.num_resamples": "of documents, for 95 % intervals; 0: none",
    "job.pooling": "or last, weighted (by position), state",
    "job.layer": "1 to L; 0: what enters; -1: what the head sees",
    "job.normalize": "vectors of length 1",
    "job.precision": "or float16, int8, ubinary (packed bits)",
    "job.truncate_dim": "only so many of the first numbers",
    "job.vectors": "of documents, segments, or both",
    "job.segments": "end with: tokens, paragraph, sentence; or spans",
    "job.segment_text": "rows of segments have their text",
    "job.max_tokens": "of a continuation, at most",
    "job.num_samples": "continuations of each document",
    "job.temperature": "divides logits; 0: the likeliest token",
    "job.top_p": "only the likeliest, of this probability together",
    "job.top_k": "only the k likeliest; null: all",
    "job.presence_penalty": "off the logits of what has been written",
    "job.frequency_penalty": "the same, for each time it was",
    "job.repetition_penalty": "what was written: logits above 0 divided by it",
    "job.penalty_decay": "counts fade by it with each token; RWKV: 0.996",
    "job.stop": "texts to end before, as [a,b]",
    "job.stop_tokens": "ids to end with; 0 ends RWKV's texts",
    "job.seed": "of what is drawn, with a document's id",
    "job.passes": "2: read twice, embed the second reading",
    "job.task": "or multiple_choice, likelihood",
    "job.context": "template: 'Question: {goal}\\nAnswer:'",
    "job.continuation": "template, for likelihood",
    "job.choices": '[" {sol1}"," {sol2}"], or a column of lists',
    "job.answer": "column that says which choice is right",
    "job.labels": "[A,B,…] or a column of lists; null: 0, 1, …",
    "job.delimiter": "before each choice; lm-eval has a space",
    "engine.device": "or cpu, cuda",
    "engine.dtype": "or float32, int8; on GPU bfloat16, float16",
    "engine.num_slots": "documents read side by side",
    "engine.tokens_per_step": "tokens in one forward pass",
    "engine.num_threads": "CPU threads of this process",
    "engine.reproducible": "on GPU: the same bits always, but slower",
    "engine.share_weights": "on CPU: workers of a machine hold weights once",
    "cluster.kind": "this process, without Ray; or ray",
    "cluster.address": "a running Ray: auto or ray://host:port",
    "cluster.num_workers": "Ray actors; null: one a GPU or CPU core",
    "cluster.min_workers": "work begins when so many are up",
    "cluster.max_workers": "in a cluster that grows: ask for so many",
    "cluster.gpus_per_worker": "GPUs of each actor; may be a fraction",
    "cluster.hang_timeout_s": "give up a worker that stands still so long",
    "cluster.max_crashed_documents": "so many may kill workers, then stop",
}

FOLDER_KEYS = {
    "output.storage_options": "keys and address of its store, as a mapping",
    "data.storage_options": "keys and address of the input's store",
    "documents": "ids of more texts to show with their surprise",
    "texts": "passages of the input are in it",
    "json": "one JSON object instead of tables",
    "deep": "read and hash every byte again; or --deep",
    "dry_run": "only say what would be removed",
    "reason": "such as worker_crash,nonfinite; null: any",
}

ESSENTIAL = (
    "data.path",
    "data.format",
    "data.text_column",
    "data.id_column",
    "data.group_columns",
    "model.path",
    "output.path",
    "job.segment_tokens",
    "engine.device",
    "cluster.kind",
    "cluster.num_workers",
)

DERIVED = {
    "data.path": "PATH",
    "data.storage_options": "null",
    "output.path": "runs/JOB",
    "cluster.address": "http://HEAD:8265",
    "id": "NAME",
    "output.storage_options": "null",
}
"""What stands for keys without a default in their models; the YAML makes one of the job's kind."""

FLAGS = {
    "--cfg job": "print the whole order instead of carrying it out",
    "--multirun": "one run for each value: job.segment_tokens=256,1024",
    "--config-dir DIR": "look for YAML groups in DIR too: model=mine",
    "--hydra-help": "everything else that Hydra can do",
}

EXIT_CODES = {
    "0": "complete",
    "1": "failed; from verify: something is wrong with the folder",
    "2": "bad order: one line says why, and nothing was done",
    "3": "complete, but some documents could not be done: they are in dead/",
    "130": "interrupted; the same command resumes",
}

EXAMPLES = """\
  longriver score data.path=books/ output.path=runs/books
  longriver score data.path='s3://corpus/*.parquet' data.text_column=body \\
      model.path=rwkv7-g1-1.5b.pth output.path=runs/corpus cluster.kind=ray
  longriver verify output.path=runs/books
"""

FOLDER_FORMS: Mapping[str, type[BaseModel]] = {
    "status": StatusConfig,
    "verify": VerifyConfig,
    "report": ReportConfig,
    "gc": GcConfig,
    "retry-dead": RetryConfig,
}

FOLDER_NOTES = {
    "status": """\
Shards, text, documents, tokens; dead letters by reason; every worker's share;
shards at which workers died; documents that are saved half-way; whether a
driver is at work; the time left. Leaves with 0, whatever it finds.
""",
    "verify": """\
Looks at plan, ledger, file sizes and the ends of files, which takes seconds.
With deep=true it also reads everything: hashes, every row, the order of rows,
sums, summary.json. Leaves with 1 if anything is wrong, and says what.
""",
    "report": """\
Every run that ends draws report.html in its folder: one file that fetches
nothing, with passages of the input. This draws it anew, also of a run that is
not complete, with other documents or without any text. The input is read again
for a few passages; where it is gone, the report says so.
""",
    "gc": """\
Goes: result files that no receipt names, snapshots and crumbs of shards that
are committed, files that were never finished. Stays: what is committed, what
the next attempts go on from, and all that longriver did not write. It refuses
while a run is at work on the folder.
""",
    "retry-dead": """\
Takes shards with such dead letters out of the ledger and has them done again
by the order in run.json: on a larger machine, with a newer longriver, or where
a crash was none of the document's fault. All other shards stay as they are.

Keys of the order that change no result may be given along, as cluster.kind=ray;
output.storage_options and data.storage_options must be, for they are never
recorded. Input that has changed since is refused: it needs a new output.path.
""",
}

OWN_KEYS = """\
A job's own keys stand below its name, as job.embed.pooling=last; `longriver
embed --help` lists them.
"""

OPTIONS = {
    "add_bos_token": "the prefix token stands before every context",
    "window": "a context of so many tokens; null: no limit",
    "max_gen_toks": "generated at most, where the task does not say",
}

SUBMIT_KEYS = {
    "cluster.address": "the dashboard of the cluster's head",
    "submit.wheel": "send this longriver along; none: it is there",
    "submit.id": "the job's name; null: made of output.path",
    "submit.follow": "show the job's log until it ends",
}

SUBMIT_NOTES = """\
The order is judged here, then sent as it was written, and done by Ray's
workers. Paths are those that the cluster sees, and so is the environment: a
value such as ${oc.env:NAME} is looked up there, and no secret is sent. Leaves
with the exit code of the job. Ctrl-C leaves the job alone and says how to
follow or stop it; a job that is stopped saves what is in hand. The same order
goes on.
"""

COMPARE_KEYS = {
    "num_resamples": "of the documents, for 95 % intervals; 0: none",
    "json": "one JSON object instead of tables; or --json",
    "report": "a file for a page with charts; null: none",
}

COMPARE_NOTES = """\
Two finished runs of perplexity or score over the same input: two models, or two
context policies. Documents are paired; what only one run has is left out and
counted. B - A above 0 means that A needs fewer bits. Runs of perplexity with
the same vocabulary are also compared by position in the document.
"""

SWEEPS = """\
Every run of a sweep needs a folder of its own:
  longriver score --multirun data.path=books/ job.segment_tokens=256,1024 \\
      'output.path=runs/books-${job.segment_tokens}'
"""


def general_page() -> str:
    return _page(
        f"longriver {version('longriver')}: documents of any length through an RWKV network\n",
        "usage: longriver COMMAND KEY=VALUE ...\n",
        _rows(COMMANDS.items(), 11),
        "The essential keys, with their defaults; data.path has none:",
        _keys(RunConfig, ESSENTIAL),
        _ENDINGS,
        "`longriver COMMAND --help` says more.",
    )


def page_of(command: str) -> str:
    """What ``longriver COMMAND --help`` says."""
    if command == "inspect":
        return _inspect_page()
    if command == "compare":
        return _compare_page()
    if command == "submit":
        return _submit_page()
    if command == LM_EVAL:
        return _lm_eval_page()
    return _folder_page(command) if command in FOLDER_FORMS else _job_page(command)


def _job_page(command: str) -> str:
    """The page of a command that takes an order."""
    jobs = " job=[score,embed]" if command == "run" else ""
    return _page(
        f"longriver {command}\n",
        f"  {COMMANDS[command]}\n",
        f"usage: longriver {command}{jobs} data.path=PATH KEY=VALUE ...\n",
        *([OWN_KEYS] if jobs else []),
        "Keys, with their defaults; data.path has none:",
        _keys(ORDERS.get(command, RunConfig), KEYS),
        "Flags:",
        _rows(FLAGS.items(), 18),
        _ENDINGS,
        SWEEPS,
    )


def _submit_page() -> str:
    keys = keys_of(HandIn).values()
    return _page(
        "longriver submit\n",
        f"  {COMMANDS['submit']}\n",
        "usage: longriver submit JOB data.path=PATH output.path=PATH KEY=VALUE ...",
        "       longriver submit logs|status|stop NAME cluster.address=ADDRESS",
        "       longriver submit list cluster.address=ADDRESS\n",
        f"JOB is one of {', '.join(ORDERS)};\nits keys are those of longriver JOB. Beside them:",
        _rows(((_with_default(key), SUBMIT_KEYS[key.name]) for key in keys), 34),
        SUBMIT_NOTES,
    )


def _compare_page() -> str:
    keys = keys_of(CompareConfig)
    rows = ((_with_default(keys[name]), COMPARE_KEYS[name]) for name in COMPARE_KEYS)
    return _page(
        "longriver compare\n",
        f"  {COMMANDS['compare']}\n",
        "usage: longriver compare FOLDER FOLDER KEY=VALUE ...\n",
        _rows(rows, 30),
        COMPARE_NOTES,
    )


def _lm_eval_page() -> str:
    known = keys_of(LmEvalOptions).items()
    rows = (
        (_with_default(replace(key, name=name.rpartition(".")[2])), OPTIONS.get(name) or KEYS[name])
        for name, key in known
    )
    return _page(
        "longriver lm-eval\n",
        f"  {COMMANDS[LM_EVAL]}\n",
        "usage: longriver lm-eval --tasks TASK,... --model_args KEY=VALUE,...",
        "       longriver lm-eval run --help",
        "       longriver lm-eval ls tasks\n",
        "All words go to lm-eval, which comes with pip install 'longriver[lm-eval]'.",
        "Unless --model names another, the model is longriver; its --model_args:",
        _rows(rows, 30),
    )


def _inspect_page() -> str:
    return _page(
        "longriver inspect\n",
        f"  {COMMANDS['inspect']}\n",
        "usage: longriver inspect model.path=PATH KEY=VALUE ...\n",
        _keys(InspectConfig, [key for key in KEYS if key.startswith("model.")]),
    )


def _folder_page(command: str) -> str:
    """The page of a command that takes a run folder."""
    keys = keys_of(FOLDER_FORMS[command])
    rows = ((_with_default(keys[name]), FOLDER_KEYS[name]) for name in keys if name in FOLDER_KEYS)
    return _page(
        f"longriver {command}\n",
        f"  {COMMANDS[command]}\n",
        f"usage: longriver {command} output.path=FOLDER KEY=VALUE ...\n",
        _rows(rows, 30),
        FOLDER_NOTES[command],
    )


def _page(*paragraphs: str) -> str:
    return "\n".join(paragraphs)


def _keys(model: type[BaseModel], names: Iterable[str]) -> str:
    keys = keys_of(model)
    return _rows(((_with_default(keys[name]), KEYS[name]) for name in names if name in keys), 30)


def _with_default(key: Key) -> str:
    """As it would be written on the command line."""
    value = DERIVED[key.name] if key.default is REQUIRED else shown(key.default)
    return f"{key.name}={value}"


def _rows(rows: Iterable[tuple[str, str]], width: int) -> str:
    return "".join(f"  {left:<{width}}{right}\n" for left, right in rows)


_ENDINGS = _page("Exit codes:", _rows(EXIT_CODES.items(), 5), "Examples:", EXAMPLES)
