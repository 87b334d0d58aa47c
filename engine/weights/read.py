"""From what an order names to one dict of tensors: checkpoint, adapter and tuned state."""

from longriver.engine.config import ModelConfig
from longriver.engine.errors import OrderError
from longriver.engine.weights.adapter import merged
from longriver.engine.weights.base import read_base
from longriver.engine.weights.lora import read_adapter
from longriver.engine.weights.place import locate
from longriver.engine.weights.source import Source
from longriver.engine.weights.tensor_file import Tensors
from longriver.engine.weights.tuned_state import with_state


def read_tensors(model: ModelConfig) -> Tensors:
    """The weights under BlinkDL's names, from any format, views of memory-mapped files.

    Only what ``model.lora`` changes is new memory, in the number type of the checkpoint. A tuned
    state is ``blocks.i.att.time_state`` [H, V, K].

    Raises:
        WeightsError: names the setting, the file and the key, and what is wrong with it.
    """
    _refuse_contradictions(model)
    source = Source("model.path", model.path)
    has_eps = model.group_norm_eps is not None
    tensors = read_base(source, locate(model.path), has_eps=has_eps)
    if model.lora is not None:
        lora = Source("model.lora", model.lora)
        adapter = read_adapter(lora, locate(model.lora, lora.key), model.lora_alpha)
        tensors = merged(tensors, adapter)
    if model.state is not None:
        state = Source("model.state", model.state)
        tensors = with_state(tensors, state, locate(model.state, state.key))
    return tensors


def _refuse_contradictions(model: ModelConfig) -> None:
    if model.lora is None and model.lora_alpha is not None:
        raise OrderError(
            f"model.lora_alpha={model.lora_alpha:g} has no effect without model.lora; leave it out"
        )
