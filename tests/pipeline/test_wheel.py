"""The wheel that travels: the files of an installed one, no dependencies, a name a content."""

import subprocess
import sys
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest

from longriver.pipeline.wheel import FOLDERS, ROOT, pack


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pack(tmp_path_factory.mktemp("wheel"))


def test_it_holds_what_a_built_wheel_holds(wheel: Path) -> None:
    held = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    wanted = {path for name in FOLDERS for path in (ROOT / name).rglob("*") if path.is_file()}
    kept = {path for path in wanted if path.suffix not in (".md", ".png", ".pyc")}
    assert held == {f"longriver/{path.relative_to(ROOT).as_posix()}" for path in kept}
    assert {"longriver/conf/config.yaml", "longriver/engine/demo/demo.safetensors"} <= held


def test_the_same_files_have_the_same_name_and_bytes(wheel: Path, tmp_path: Path) -> None:
    again = pack(tmp_path)
    assert again.name == wheel.name and again.read_bytes() == wheel.read_bytes()


def test_pip_installs_it_alone_and_it_runs(wheel: Path, tmp_path: Path) -> None:
    """As Ray does, and without a network: nothing else is asked for."""
    target = tmp_path / "target"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-cache-dir"]
    command += ["--disable-pip-version-check", f"--target={target}", str(wheel)]
    subprocess.run(command, check=True, cwd=tmp_path)
    assert {path.name for path in target.iterdir() if path.name != "bin"} == {
        "longriver",
        f"longriver-{version('longriver')}.dist-info",
    }
    program = "import longriver.jobs.entry as e; print(e.__file__)"
    done = subprocess.run(
        [sys.executable, "-P", "-c", program],
        env={"PYTHONPATH": str(target), "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(done.stdout.strip()).is_relative_to(target)
