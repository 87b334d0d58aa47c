"""What `longriver --help` says; every default on it is read from the models."""

from collections.abc import Iterable, Mapping
from importlib.metadata import version

from pydantic import BaseModel

from longriver.jobs.complaint import shown
from longriver.jobs.config import (
    ORDERS,
    GcConfig,
    InspectConfig,
    RetryConfig,
    RunConfig,
    StatusConfig,
    VerifyConfig,
)
from longriver.jobs.keys import REQUIRED, Key, keys_of

COMMANDS = {
    "score": "how likely an RWKV network finds each document and each part of it",
    "embed": "vectors of documents and of their segments, for search",
    "run": "several of these in one pass over the documents",
    "plan": "what `score` would read, what is wrong with it, how long it takes",
    "status": "how far a run is, who is at it, what died; from storage alone",
    "verify": "whether every document is in a run folder exactly once",
    "gc": "removes what no reader and no run needs from a run folder",
    "retry-dead": "does again what has dead letters, by the order on record",
    "inspect": "what a checkpoint is: version, sizes, cost, tokenizer, fingerprint",
}

KEYS = {
    "data.path": "the documents: file, folder, glob or URL",
    "data.format": "or parquet, arrow, csv, jsonl, text",
    "data.text_column": "where the text is",
    "data.id_column": "the document's name; null: its position",
    "data.part_column": "for documents in consecutive rows of one id",
    "data.group_columns": "results carry them, figures are given by them",
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
    "job.token_ids": "every token's id in segments",
    "job.context_policy": "a token sees everything before it",
    "job.pooling": "or last, weighted (by position), state",
    "job.layer": "1 to L; 0: what enters; -1: what the head sees",
    "job.normalize": "vectors of length 1",
    "job.precision": "or float16, int8, ubinary (packed bits)",
    "job.truncate_dim": "only so many of the first numbers",
    "job.vectors": "of documents, segments, or both",
    "job.segments": "they end with: tokens, paragraph, sentence",
    "job.segment_text": "rows of segments have their text",
    "job.passes": "2: read twice, embed the second reading",
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
A job's own keys stand below its name, as job.embed.pooling=last; `longriver embed
--help` lists them.
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
