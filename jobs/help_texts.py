"""What the help says beside commands and keys."""

FLAGS = {
    "--cfg job": "print the whole order instead of carrying it out",
    "--multirun": "one run for each value: model.path=a.pth,b.pth",
    "--config-dir DIR": "look for YAML groups in DIR too: model=mine",
    "--hydra-help": "everything else that Hydra can do",
}

EXAMPLES = """\
  longriver ORDER data.path=books/ output.path=runs/books
  longriver ORDER data.path='s3://corpus/*.parquet' \\
      data.text_column=body model.path=rwkv7-g1-1.5b.pth \\
      output.path=runs/corpus cluster.kind=ray
  longriver verify output.path=runs/books
"""
"""ORDER stands for a command, with what it cannot do without."""

OWN_KEYS = """\
A job's own keys stand below its name, as job.embed.pooling=last; `longriver
embed --help` lists them.
"""

SWEEPS = """\
Every run of a sweep needs a folder of its own:
  longriver ORDER --multirun data.path=books/ \\
      model.path=a.pth,b.pth 'output.path=runs/${model.path}'
"""

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

SUBMIT_NOTES = """\
The order is judged here, then sent as it was written, and done by Ray's
workers. Paths are those that the cluster sees, and so is the environment: a
value such as ${oc.env:NAME} is looked up there, and no secret is sent. Leaves
with the exit code of the job. Ctrl-C leaves the job alone and says how to
follow or stop it; a job that is stopped saves what is in hand. The same order
goes on.
"""

COMPARE_NOTES = """\
Two finished runs of perplexity or score over the same input: two models, or two
context policies. Documents are paired; what only one run has is left out and
counted. B - A above 0 means that A needs fewer bits. Runs of perplexity with
the same vocabulary are also compared by position in the document.
"""
