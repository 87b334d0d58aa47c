"""What an order may say about the model and the engine."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Count = Annotated[int, Field(ge=1)]


class ModelConfig(BaseModel):
    """Which network reads, and with which vocabulary.

    path:           a BlinkDL-format ``.pth`` or ``.safetensors`` file, a Hugging Face folder,
                    ``hf://owner/name[@revision]``, or ``demo`` for the embedded model.
    lora:           a LoRA file or PEFT folder that is merged into the weights as they are loaded.
    lora_alpha:     its scale, for files that do not say: weights gain ``alpha / rank · B A``.
    state:          a state-tuned file (``time_state``), what every document starts from.
    group_norm_eps: of the heads' GroupNorm; by default what upstream uses today, 64e-5. RWKV-5
                    files that were trained before November 2023 want 1e-5.
    tokenizer:      ``auto`` picks by the checkpoint; or ``world``, ``bytes``, or a
                    ``tokenizer.json``.
    vocab:          a World vocabulary file; by default the one that an installed package carries.
    prefix_token:   the id that stands before the first token of every document.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: Annotated[str, Field(min_length=1)] = "demo"
    lora: Annotated[str, Field(min_length=1)] | None = None
    lora_alpha: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    state: Annotated[str, Field(min_length=1)] | None = None
    group_norm_eps: Annotated[float, Field(gt=0, lt=1)] | None = None
    tokenizer: Annotated[str, Field(min_length=1)] = "auto"
    vocab: str | None = None
    prefix_token: Annotated[int, Field(ge=0)] = 0


class EngineConfig(BaseModel):
    """How the network is run; nothing here but ``dtype`` changes what a document scores.

    device:          ``auto`` takes the GPU where there is one.
    dtype:           of weights and activations; ``auto`` is float32 on CPU, bfloat16 on GPU. The
                     recurrent state, decays, norms and log-sums are float32 always. ``int8``, on
                     CPU: large matrices and what they are multiplied with are rounded row by row,
                     all else is float32; faster, smaller, and less exact.
    num_slots:       documents that are read side by side.
    tokens_per_step: tokens that one forward pass takes, over all documents together.
    num_threads:     CPU threads of this process; ``auto`` is 1, since threads that wait for each
                     other collapse on a busy machine. More of them help one long document through
                     a large model on an idle one; many documents want ``cluster.kind=ray``.
    reproducible:    on GPU, run every step at one fixed size, so that a document's result does not
                     depend on who shares its batch. On CPU that holds always.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    device: Literal["auto", "cpu", "cuda"] = "auto"
    dtype: Literal["auto", "float32", "bfloat16", "float16", "int8"] = "auto"
    num_slots: Count | Literal["auto"] = "auto"
    tokens_per_step: Count | Literal["auto"] = "auto"
    num_threads: Count | Literal["auto"] = "auto"
    reproducible: bool = False
