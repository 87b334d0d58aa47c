"""What a command does not wait for."""

import subprocess
import sys

PROGRAM = """
import sys

from longriver.engine import Engine
from longriver.engine.checkpoint import judge
from longriver.engine.config import ModelConfig

judge(ModelConfig())
Engine.from_config().score(["A river."])
unneeded = ("sympy", "torch._dynamo", "ray", "pyarrow", "tokenizers")
print([name for name in unneeded if name in sys.modules])
"""


def test_reading_a_text_brings_in_nothing_that_it_does_not_need() -> None:
    """torch's compiler takes two seconds, and comes with innocent calls on ``meta`` tensors."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
