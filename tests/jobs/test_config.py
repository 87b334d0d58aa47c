"""The order as one value: defaults in one place, and what decides the results."""

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from pydantic import ValidationError

from longriver.jobs.cli import CONF
from longriver.jobs.config import OutputConfig, RunConfig
from longriver.jobs.help_keys import ESSENTIAL, KEYS
from longriver.jobs.keys import keys_of
from longriver.jobs.score import SCORE
from longriver.jobs.score_config import ScoreConfig
from longriver.pipeline.cluster_config import ClusterConfig
from longriver.pipeline.data_config import RESULT_COLUMNS, DataConfig


def order(**parts: object) -> RunConfig:
    data = DataConfig(path="texts", group_columns=("lang",))
    return RunConfig.model_validate({"data": data, "output": {"path": "runs/x"}, **parts})


def from_yaml(*overrides: str) -> dict[str, object]:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        composed = compose("config", ["data.path=texts", *overrides])
    plain = OmegaConf.to_container(composed, resolve=True, throw_on_missing=True)
    assert isinstance(plain, dict)
    return {str(key): value for key, value in plain.items()}


def test_the_yaml_says_what_the_models_say() -> None:
    models = RunConfig(data=DataConfig(path="texts"), output=OutputConfig(path="runs/score"))
    said = from_yaml()
    for part in ("data", "output"):
        options = said[part]
        assert isinstance(options, dict) and options.pop("storage_options") is None
    assert said == models.model_dump(mode="json")


def test_every_cluster_file_is_a_cluster() -> None:
    for kind in ("local", "ray"):
        assert from_yaml(f"cluster={kind}")["cluster"] == ClusterConfig(kind=kind).model_dump()


def test_every_key_has_a_line_of_help() -> None:
    known = {key for key in keys_of(RunConfig) if key.count(".") == 1}
    assert set(KEYS) == known - {"job.kind"}
    assert set(ESSENTIAL) <= set(KEYS)


def test_no_group_column_can_hide_a_result_column() -> None:
    assert {column.name for column in SCORE.columns} == RESULT_COLUMNS


def test_an_order_is_frozen_and_knows_its_keys() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        order().job = ScoreConfig()
    with pytest.raises(ValidationError, match="extra"):
        order(speed=3)


def test_only_what_decides_the_results_is_semantic() -> None:
    assert order().semantic("float32") == {
        "model.group_norm_eps": None,
        "model.lora_alpha": None,
        "model.prefix_token": 0,
        "data.format": "auto",
        "data.text_column": "text",
        "data.id_column": None,
        "data.part_column": None,
        "data.group_columns": ["lang"],
        "data.spans_column": None,
        "data.shard_bytes": "auto",
        "data.max_document_bytes": None,
        "engine.dtype": "float32",
        "job.kind": "score",
        "job.segment_tokens": 1024,
        "job.token_ids": False,
        "job.token_nll": False,
        "job.context_policy": "streaming",
    }


def test_speed_and_place_may_change_between_restarts() -> None:
    elsewhere = order(
        engine={"num_slots": 3, "tokens_per_step": 9, "num_threads": 1, "device": "cpu"},
        cluster={"kind": "ray", "num_workers": 2},
        model={"path": "copy-of-the-same.pth"},
    )
    assert elsewhere.semantic("float32") == order().semantic("float32")


@pytest.mark.parametrize(
    ("cluster", "sentence"),
    [
        ({"num_workers": 2}, "cluster.num_workers=2 has no effect with cluster.kind=local"),
        ({"address": "auto"}, "cluster.address=auto has no effect"),
        ({"kind": "ray", "gpus_per_worker": 1.5}, "cluster.gpus_per_worker=1.5 is not a number"),
    ],
)
def test_an_option_without_effect_is_an_error(cluster: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        order(cluster=cluster)


def test_gpus_are_not_reserved_for_a_cpu_engine() -> None:
    cluster = {"kind": "ray", "gpus_per_worker": 1}
    with pytest.raises(ValidationError, match=r"no effect with engine\.device=cpu"):
        order(cluster=cluster, engine={"device": "cpu"})
