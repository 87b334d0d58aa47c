"""The reading room: checkpoints, tokenizers, the network, its state, and continuous batching."""

from typing import TYPE_CHECKING, Any

from longriver.engine.config import EngineConfig, ModelConfig
from longriver.engine.generate.sampling import Sampling

if TYPE_CHECKING:
    from longriver.engine.engine import Engine

__all__ = ["Engine", "EngineConfig", "ModelConfig", "Sampling"]


def __getattr__(name: str) -> Any:
    """Brings in ``Engine``, and the seconds that torch takes, when it is first asked for."""
    if name != "Engine":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from longriver.engine.engine import Engine

    return Engine
