"""How much is measured: in full, or quickly."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scale:
    """Counts of a benchmark; per round where there are rounds.

    roof_products:  matrix products in one look at the roofline, 2.4 GFLOP each.
    num_short, short_tokens: the many short documents.
    num_mixed, mixed_tokens: the mixed ones, log-normal between the shortest and the longest.
    op_tokens:      an op reads so many in all, ``step_tokens`` at a time.
    steps:          tokens a step, the default first.
    lengths:        of the documents whose cost a token and memory are looked at.
    length_tokens:  at least so many are read for each of them.
    contexts:       lengths at which a transformer is met.
    null_documents: rows that the pipeline reads with a null engine, in shards of the usual size.
    null_rows:      the same in shards as small as can be.
    worker_rounds:  with one and with two workers on Ray; 0 leaves them out.
    ray_data_rounds: here and in Ray Data, minutes each; 0 leaves them out.
    """

    rounds: int = 5
    roof_products: int = 20
    long_tokens: int = 2048
    num_short: int = 400
    short_tokens: int = 200
    num_mixed: int = 8
    mixed_tokens: tuple[int, int] = (200, 50_000)
    op_tokens: int = 4096
    step_tokens: int = 512
    steps: tuple[int, ...] = (512, 32, 128, 2048)
    lengths: tuple[int, ...] = (1_000, 10_000, 100_000, 1_000_000)
    length_tokens: int = 50_000
    contexts: tuple[int, ...] = (1024, 2048, 4096, 8192)
    plan_rows: int = 1_000_000
    null_documents: int = 20_000
    null_rows: int = 2_000
    worker_rounds: int = 5
    ray_data_rounds: int = 3


FULL = Scale()
"""Five rounds: 2,000 documents of 200 tokens in all."""

QUICK = Scale(
    rounds=2,
    roof_products=2,
    long_tokens=512,
    num_short=20,
    num_mixed=5,
    mixed_tokens=(50, 1000),
    op_tokens=512,
    steps=(512, 64),
    lengths=(1_000, 4_000),
    length_tokens=4_000,
    contexts=(256, 512),
    plan_rows=10_000,
    null_documents=500,
    null_rows=50,
    worker_rounds=0,
    ray_data_rounds=0,
)
