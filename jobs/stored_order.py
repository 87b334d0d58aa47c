"""The order that a run folder was started with, to be carried out or asked about again."""

from collections.abc import Mapping

from pydantic import ValidationError

from longriver.jobs.complaint import complaint
from longriver.jobs.config import RunConfig, order_model
from longriver.jobs.keys import keys_of
from longriver.pipeline.run_folder import RunFolder


def order_again(folder: RunFolder, changes: Mapping[str, Mapping[str, object]]) -> RunConfig:
    """The order in run.json, with what was given along; secrets are not recorded there."""
    stored = folder.read_order().order
    parts = {"data", *changes}
    order = {part: {**_keys(stored.get(part)), **changes.get(part, {})} for part in parts}
    model = order_model({**stored, **order})
    try:
        return model.model_validate({**stored, **order})
    except ValidationError as error:
        raise complaint(error, keys_of(model)) from error


def _keys(part: object) -> Mapping[str, object]:
    return part if isinstance(part, Mapping) else {}
