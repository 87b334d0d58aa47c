"""Lets everything go wrong that can: every point once, or many at random for a while.

python -m tests.pipeline.faults points [--every N]      each point dies, flickers and refuses
python -m tests.pipeline.faults soak --seconds 1800     random deaths, errors, delays and freezes
"""

import argparse
import logging
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from longriver.pipeline.dispatcher import Limits
from tests.pipeline.faults.points import Counters, Fault, Plan, Process
from tests.pipeline.faults.scene import write_corpus
from tests.pipeline.faults.trial import Trial, Violation, endure, undisturbed

SOAK_LIMITS = Limits(hang_s=10.0, max_convicted=100, lag_s=0.4)
ONCE = (Fault.DIE, Fault.FLICKER, Fault.REFUSE)


def all_plans(counters: Counters, every: int) -> Iterator[Plan]:
    """Each point of an undisturbed run, and the first behind its end; ``every``-th of them."""
    plans = (
        Plan(process, number, fault)
        for process in Process
        for number in range(1, counters.count(process) + 2)
        for fault in ONCE
    )
    return (plan for index, plan in enumerate(plans) if index % every == 0)


def random_story(rng: random.Random, counters: Counters) -> list[list[Plan]]:
    """What goes wrong in some commands one after the other."""
    return [
        [_random_plan(rng, counters) for _ in range(rng.randint(1, 4))]
        for _ in range(rng.randint(1, 4))
    ]


def _random_plan(rng: random.Random, counters: Counters) -> Plan:
    process = rng.choice(list(Process))
    return Plan(process, rng.randint(1, counters.count(process)), rng.choice(list(Fault)))


def try_points(folder: Path, every: int) -> int:
    """Returns how many were tried."""
    trial = Trial(write_corpus(folder / "corpus"), folder / "run")
    expected, counters = undisturbed(trial)
    plans = list(all_plans(counters, every))
    for plan in plans:
        with _named(str(plan)):
            endure(trial, [[plan]], expected)
    points = ", ".join(f"{counters.count(process)} of the {process}" for process in Process)
    print(f"{len(plans)} faults at {points}: every run completed, every table the same bytes")
    return len(plans)


def soak(folder: Path, seconds: float, seed: int) -> int:
    """Returns how many stories were told."""
    trial = Trial(write_corpus(folder / "corpus"), folder / "run", 3, SOAK_LIMITS)
    expected, counters = undisturbed(trial)
    end_s, num_stories, num_faults, num_commands = time.monotonic() + seconds, 0, 0, 0
    while time.monotonic() < end_s:
        story = random_story(random.Random(f"{seed}-{num_stories}"), counters)
        with _named(f"--seed {seed}, story {num_stories}: {story}"):
            num_commands += endure(trial, story, expected)
        num_stories, num_faults = num_stories + 1, num_faults + sum(map(len, story))
    print(
        f"{num_stories} runs with {num_faults} faults in {num_commands} commands: "
        "every run completed, every table the same bytes"
    )
    return num_stories


@contextmanager
def _named(what: str) -> Iterator[None]:
    """Says which fault it was that broke a promise."""
    try:
        yield
    except Violation as violation:
        raise Violation(f"{what}: {violation}") from violation


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["points", "soak"])
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    torch.set_num_threads(1)
    logging.disable()
    with tempfile.TemporaryDirectory() as folder:
        if given.what == "points":
            try_points(Path(folder), given.every)
        else:
            soak(Path(folder), given.seconds, given.seed)
    return 0


if __name__ == "__main__":
    sys.exit(main())
