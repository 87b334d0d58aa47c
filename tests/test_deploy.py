"""Files for `ray up`, KubeRay and Slurm: they fit their schemas, and the script does as it says."""

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import ray
import yaml

from longriver.jobs.actions import Actions
from longriver.jobs.cli import main

DEPLOY = Path(__file__).parents[1] / "conf" / "deploy"
SCRIPT = DEPLOY / "slurm.sbatch"

TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}
CONTAINER = {
    "type": "object",
    "required": ["name", "image", "resources"],
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string"},
        "image": {"type": "string"},
        "envFrom": {"type": "array", "items": {"required": ["secretRef"]}},
        "resources": {
            "type": "object",
            "required": ["requests", "limits"],
            "properties": {"requests": TEXTS, "limits": TEXTS},
        },
    },
}
POD = {
    "type": "object",
    "required": ["spec"],
    "properties": {
        "spec": {
            "type": "object",
            "required": ["containers"],
            "additionalProperties": False,
            "properties": {
                "terminationGracePeriodSeconds": {"type": "integer"},
                "containers": {"type": "array", "minItems": 1, "items": CONTAINER},
            },
        }
    },
}
WORKERS = {
    "type": "object",
    "required": ["groupName", "minReplicas", "maxReplicas", "rayStartParams", "template"],
    "additionalProperties": False,
    "properties": {
        "groupName": {"type": "string"},
        "replicas": {"type": "integer"},
        "minReplicas": {"type": "integer"},
        "maxReplicas": {"type": "integer"},
        "rayStartParams": TEXTS,
        "template": POD,
    },
}
RAY_JOB = {
    "type": "object",
    "required": ["apiVersion", "kind", "metadata", "spec"],
    "properties": {
        "apiVersion": {"const": "ray.io/v1"},
        "kind": {"const": "RayJob"},
        "spec": {
            "type": "object",
            "required": ["entrypoint"],
            "additionalProperties": False,
            "properties": {
                "entrypoint": {"type": "string"},
                "runtimeEnvYAML": {"type": "string"},
                "backoffLimit": {"type": "integer", "minimum": 0},
                "shutdownAfterJobFinishes": {"type": "boolean"},
                "ttlSecondsAfterFinished": {"type": "integer"},
                "rayClusterSpec": {
                    "type": "object",
                    "required": ["headGroupSpec"],
                    "additionalProperties": False,
                    "properties": {
                        "rayVersion": {"type": "string"},
                        "headGroupSpec": {
                            "type": "object",
                            "required": ["rayStartParams", "template"],
                            "additionalProperties": False,
                            "properties": {"rayStartParams": TEXTS, "template": POD},
                        },
                        "workerGroupSpecs": {"type": "array", "items": WORKERS},
                    },
                },
            },
        },
    },
}
"""The fields in use, and those that are required, as KubeRay's definition of RayJob v1 has them."""


def read(name: str) -> Any:
    return yaml.safe_load((DEPLOY / name).read_text())


def test_ray_up_takes_its_file() -> None:
    schema = json.loads((Path(ray.__file__).parent / "autoscaler" / "ray-schema.json").read_text())
    jsonschema.validate(read("ray-up.yaml"), schema)


def test_kuberay_takes_its_file() -> None:
    job = read("rayjob.yaml")
    jsonschema.validate(job, RAY_JOB)
    assert yaml.safe_load(job["spec"]["runtimeEnvYAML"]) == {
        "env_vars": {"RAY_JOB_STOP_WAIT_TIME_S": "90"}
    }


def test_the_order_of_a_ray_job_is_a_good_one() -> None:
    program, *words = read("rayjob.yaml")["spec"]["entrypoint"].split()
    orders = []
    assert program == "longriver"
    assert main(words, Actions(run=lambda config: orders.append(config) or 0)) == 0
    assert len(orders) == 1


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not installed")
def test_shellcheck_finds_nothing_in_the_script() -> None:
    subprocess.run(["shellcheck", SCRIPT], check=True)


SRUN = """\
#!/bin/bash
# the nodes of this cluster are all here
while [[ $1 == --* ]]; do
    [[ $1 == --nodelist=* ]] && export NODE="${1#*=}"
    shift
done
exec "$@"
"""
SCONTROL = """\
#!/bin/bash
if [ "$1" = show ]; then
    printf 'n1\\nn2\\n'
else
    echo "scontrol $*" >> "$NOTES"
fi
"""
RAY = """\
#!/bin/bash
if [ "$1" = start ]; then
    echo "$NODE: ray $*" >> "$NOTES"
    exec sleep 60
fi
grep -q -- --head "$NOTES"
"""
LONGRIVER = """\
#!/bin/bash
printf '%s\\n' "longriver $*" >> "$NOTES"
trap 'sleep 0.3; exit 130' TERM
[ "$WORK" = 0 ] && exit "$CODE"
sleep "$WORK" &
wait
"""


@pytest.fixture
def slurm(tmp_path: Path) -> dict[str, str]:
    """The environment of a job of two nodes; its commands note what they are asked."""
    commands = {"srun": SRUN, "scontrol": SCONTROL, "ray": RAY, "longriver": LONGRIVER}
    for name, program in commands.items():
        (tmp_path / name).write_text(program)
        (tmp_path / name).chmod(0o755)
    (tmp_path / "notes").touch()
    return {
        "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}",
        "NOTES": str(tmp_path / "notes"),
        "SLURM_JOB_ID": "4217",
        "SLURM_JOB_NODELIST": "n[1-2]",
        "SLURM_JOB_NUM_NODES": "2",
        "SLURM_CPUS_ON_NODE": "8",
        "WORK": "0",
        "CODE": "0",
    }


def notes(slurm: dict[str, str]) -> list[str]:
    return sorted(Path(slurm["NOTES"]).read_text().splitlines())


@pytest.mark.parametrize("code", [0, 2, 3])
def test_a_slurm_job_is_a_cluster_and_has_the_exit_code_of_its_run(
    slurm: dict[str, str], code: int
) -> None:
    command = ["bash", str(SCRIPT), "score", "data.path=/my texts"]
    done = subprocess.run(command, env=slurm | {"CODE": str(code)}, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (code, "")
    assert notes(slurm) == [
        "longriver score data.path=/my texts cluster.kind=ray cluster.address=n1:24217 "
        "cluster.max_workers=16",
        "n1: ray start --head --block --port=24217 --include-dashboard=false",
        "n2: ray start --block --address=n1:24217",
    ]


def test_a_slurm_job_without_an_order_says_how(slurm: dict[str, str]) -> None:
    done = subprocess.run(["bash", str(SCRIPT)], env=slurm, capture_output=True, text=True)
    assert done.returncode == 2 and done.stderr.startswith("usage: sbatch slurm.sbatch JOB")


def test_a_slurm_job_whose_time_is_up_saves_and_queues_again(slurm: dict[str, str]) -> None:
    environment = slurm | {"WORK": "60", "SLURM_GPUS_ON_NODE": "4"}
    with subprocess.Popen(["bash", str(SCRIPT), "score"], env=environment) as job:
        give_up_s = time.monotonic() + 30
        while not any(note.startswith("longriver") for note in notes(slurm)):
            assert time.monotonic() < give_up_s
            time.sleep(0.05)
        time.sleep(0.2)
        job.send_signal(signal.SIGTERM)
        assert job.wait(timeout=30) == 130
    assert notes(slurm)[0].endswith("cluster.max_workers=8")
    assert notes(slurm)[-1] == "scontrol requeue 4217"
