"""What a checkpoint is, printed as a table."""

from rich.console import Console

from longriver.engine.inspection import Inspection
from longriver.engine.inspection import inspect as inspect_model
from longriver.engine.weights import pinned
from longriver.jobs.exit_code import ExitCode
from longriver.jobs.inspect_config import InspectConfig
from longriver.pipeline.figures import count, data_size
from longriver.pipeline.figures_table import print_figures
from longriver.pipeline.model_files import fetched

NUMBER_BYTES = {"float32": 4, "bfloat16": 2}


def inspect(config: InspectConfig) -> int:
    """Prints version, sizes, what a document and a token cost, the tokenizer, the fingerprint."""
    with Console(stderr=True).status("reading the checkpoint …"):
        found = inspect_model(fetched(pinned(config.model)))
    print_figures(Console(), {"path": config.model.path, **_rows(found)})
    return ExitCode.COMPLETE


def _rows(found: Inspection) -> dict[str, str]:
    has_heads = found.num_heads is not None and found.head_size is not None
    return {
        "version": f"RWKV-{found.version}",
        "layers": count(found.num_layers),
        "width": f"{count(found.width)}, {count(found.inner_width)} in the channel mix",
        "heads": f"{found.num_heads} of {found.head_size}" if has_heads else "none",
        "vocabulary": count(found.vocab_size),
        "parameters": f"{count(found.num_parameters)}, most in {found.dtype}",
        "memory": _memory(found.num_parameters),
        "state": f"{data_size(found.state_bytes)} a document, of any length",
        "work": f"{_flops(found.flops_per_token)} a token",
        "tokenizer": found.tokenizer,
        "fingerprint": f"sha256:{found.fingerprint}",
    }


def _memory(num_parameters: int) -> str:
    sizes = (f"{data_size(num_parameters * n)} in {name}" for name, n in NUMBER_BYTES.items())
    return ", ".join(sizes)


def _flops(number: int) -> str:
    return f"{number / 1e9:.3g} GFLOP" if number >= 1e9 else f"{number / 1e6:.3g} MFLOP"
