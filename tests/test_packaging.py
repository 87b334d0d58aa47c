"""The wheel holds all that longriver is and nothing else, and the tree is laid out as designed."""

import ast
import fnmatch
import importlib
import os
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("conf", "engine", "jobs", "kernels", "pipeline")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGES = PROJECT["tool"]["setuptools"]["packages"]
TOP_LEVEL = {
    *FOLDERS,
    "CHANGELOG.md",
    "LICENSE",
    "Makefile",
    "README.md",
    "constraints.txt",
    "pyproject.toml",
    "tests",
}
MODULES = sorted(path for name in (*FOLDERS, "tests") for path in (ROOT / name).rglob("*.py"))


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_every_package_is_declared() -> None:
    folders = {relative(path.parent) for name in FOLDERS for path in (ROOT / name).rglob("*.py")}
    found = {f"longriver.{folder.replace('/', '.')}" for folder in folders}
    assert sorted(found | {"longriver.conf"}) == PACKAGES


def test_the_top_level_is_as_designed() -> None:
    ignored = [line.rstrip("/") for line in (ROOT / ".gitignore").read_text().splitlines()]
    names = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")}
    kept = {name for name in names if not any(fnmatch.fnmatch(name, sign) for sign in ignored)}
    assert kept == TOP_LEVEL


def test_every_module_opens_with_a_sentence() -> None:
    openings = {relative(path): ast.get_docstring(ast.parse(path.read_text())) for path in MODULES}
    first = {name: (text or "").partition("\n\n")[0] for name, text in openings.items()}
    assert [name for name, sentence in first.items() if not sentence.endswith(".")] == []
    assert [name for name, sentence in first.items() if sentence.count(". ")] == []


@pytest.mark.parametrize("name", [name for name in PACKAGES if name != "longriver.conf"])
def test_a_package_exports_what_it_says_in_order(name: str) -> None:
    package = importlib.import_module(name)
    exported = getattr(package, "__all__", [])
    assert exported == sorted(exported)
    for export in exported:
        assert getattr(package, export).__name__ == export


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy: setuptools leaves its work beside what it builds."""
    pytest.importorskip("setuptools", "77", reason="wheels are built with setuptools 77 or later")
    source, built = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in TOP_LEVEL:
        (source / name).symlink_to(ROOT / name)
    _pip("wheel", source, "--no-deps", "--no-build-isolation", "--wheel-dir", built)
    (path,) = built.iterdir()
    return path


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("site")
    _pip("install", wheel, "--no-deps", "--target", target)
    return target


def _pip(*words: object) -> None:
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*command, *map(str, words)], check=True)


def test_the_wheel_holds_every_file_that_it_needs(wheel: Path) -> None:
    held = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    wanted = {path for name in FOLDERS for path in (ROOT / name).rglob("*") if path.is_file()}
    suffixes = {".py", ".yaml", ".sbatch", ".typed", ".safetensors", ".json", ".css", ".js"}
    kept = {f"longriver/{relative(path)}" for path in wanted if path.suffix in suffixes}
    assert held == kept
    assert {"longriver/engine/demo/demo.safetensors", "longriver/jobs/py.typed"} <= held


def run(installed: Path, cwd: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Runs a Python that knows the wheel and the dependencies, but no editable installation."""
    paths = [str(installed), sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(dict.fromkeys(paths))}
    command = [sys.executable, "-S", *words]
    return subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )


def test_the_wheel_brings_its_configuration(installed: Path, tmp_path: Path) -> None:
    code = (
        "from importlib import resources; "
        "print(resources.files('longriver.conf').joinpath('config.yaml').is_file()); "
        "import longriver.jobs.cli as cli; print(cli.__file__)"
    )
    done = run(installed, tmp_path, "-c", code)
    assert (done.returncode, done.stderr) == (0, "")
    is_there, file = done.stdout.splitlines()
    assert is_there == "True" and Path(file).is_relative_to(installed)


def test_the_wheel_brings_its_command(installed: Path, tmp_path: Path) -> None:
    script = str(installed / "bin" / "longriver")
    page = run(installed, tmp_path, script, "--help")
    assert (page.returncode, page.stderr) == (0, "") and page.stdout.startswith("longriver 0.")
    order = run(installed, tmp_path, script, "score", "--cfg", "job", "data.path=x")
    assert (order.returncode, order.stderr) == (0, "")
    assert "path: x" in order.stdout and "segment_tokens: 1024" in order.stdout
    assert list(tmp_path.iterdir()) == []
