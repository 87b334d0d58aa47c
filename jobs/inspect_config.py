"""What may be asked about a checkpoint."""

from pydantic import BaseModel, ConfigDict

from longriver.engine.config import ModelConfig


class InspectConfig(BaseModel):
    """A question about a checkpoint."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: ModelConfig = ModelConfig()
