"""LAMBADA by `longriver evaluate` beside a plain loop over PyPI `rwkv`, document by document.

``python -m tests.bench.lambada_oracle LAMBADA.jsonl``
"""

import argparse
import json
import math
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from longriver.engine.version import Version
from longriver.jobs.config import RunConfig
from longriver.jobs.run import run
from longriver.pipeline.progress import SilentReporter
from longriver.pipeline.summary import Summary
from tests.bench.perplexity_oracle import demo_checkpoint
from tests.bench.rwkv_package import RwkvPackage
from tests.orders import rows_of


@dataclass(frozen=True)
class Answer:
    """What a network makes of a last word."""

    nll: float
    is_greedy: bool


@torch.inference_mode()
def theirs(peer: RwkvPackage, text: str) -> Answer:
    """As the papers' script has it: 0, the context, then the last word with its space.

    A byte is a token of the embedded model, so there is no question where the context ends.
    """
    context, _, word = text.rpartition(" ")
    source, target = [0, *context.encode()], list(f" {word}".encode())
    logits, _ = peer.model.forward([*source, *target[:-1]], None, full_output=True)
    rows = logits.view(-1, logits.shape[-1])[len(source) - 1 :].double()
    logprobs = torch.log_softmax(rows, dim=1)[torch.arange(len(target)), target]
    return Answer(-float(logprobs.sum()), rows.argmax(1).tolist() == target)


def ours(data: Path, output: Path) -> tuple[Summary, list[Answer]]:
    parts = {"data": {"path": str(data)}, "output": {"path": str(output)}}
    job = {"kind": "evaluate"}
    config = RunConfig.model_validate({**parts, "engine": {"device": "cpu"}, "job": job})
    summary = run(config, SilentReporter()).summary
    rows = rows_of(output, "evaluate")
    return summary, [Answer(float(str(r["gold_nll"])), r["greedy"] is True) for r in rows]


def largest_difference(found: Sequence[Answer], expected: Sequence[Answer]) -> float:
    """Of nats; endless where the two disagree about what is likeliest."""
    pairs = list(zip(found, expected, strict=True))
    if any(a.is_greedy != b.is_greedy for a, b in pairs):
        return math.inf
    return max(abs(a.nll - b.nll) for a, b in pairs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path)
    parser.add_argument("--examples", type=int, default=200)
    given = parser.parse_args()
    lines = given.path.read_text("utf-8").splitlines()[: given.examples]
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        data = work / "lambada.jsonl"
        data.write_text("\n".join(lines) + "\n", "utf-8")
        summary, found = ours(data, work / "run")
        peer = RwkvPackage(demo_checkpoint(work), Version.V7)
        expected = [theirs(peer, json.loads(line)["text"]) for line in lines]
    mean = math.fsum(answer.nll for answer in expected) / len(expected)
    print(
        f"{len(lines)} passages: gold perplexity "
        f"{summary.findings['evaluate'].record['gold_perplexity']:.6e}, PyPI rwkv "
        f"{math.exp(mean):.6e}; accuracy {summary.findings['evaluate'].record['accuracy']}, "
        f"PyPI rwkv {sum(answer.is_greedy for answer in expected) / len(expected)}; largest "
        f"difference of a passage {largest_difference(found, expected):.1e} nats"
    )


if __name__ == "__main__":
    main()
