"""The hub: what is downloaded of a repository, which commit is pinned, and what goes wrong."""

from pathlib import Path

import pytest

from longriver.engine.errors import WeightsError
from longriver.engine.weights import pinned
from longriver.engine.weights.hub import Reference, download
from longriver.engine.weights.hub_client import HubClient
from longriver.engine.weights.source import Source
from tests.engine.weights.adapters import low_rank, peft_folder
from tests.engine.weights.conversions import fla_config, fla_form, write_file, write_folder
from tests.engine.weights.hub_server import COMMIT, Files, hub
from tests.engine.weights.orders import one_line, order, read, same, tiny

pytest.importorskip("huggingface_hub", reason="an optional dependency")

LITTER = {"README.md": b"#", "modeling_rwkv7.py": b"evil", "pytorch_model.bin": b"pickle"}


def contents(folder: Path) -> Files:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def fla(tmp_path_factory: pytest.TempPathFactory) -> Files:
    folder = tmp_path_factory.mktemp("fla")
    write_folder(folder, fla_form(tiny()), fla_config(tiny()), num_shards=2)
    return contents(folder) | {"tokenizer.json": b"{}"} | LITTER


def names_of(place: Path) -> set[str]:
    return {path.name for path in place.iterdir()}


def model(path: str) -> Source:
    return Source("model.path", path)


def refusal(source: Source, client: HubClient) -> str:
    with pytest.raises(WeightsError) as caught:
        download(source, client)
    return one_line(caught.value)


@pytest.mark.parametrize("revision", ["", "@main", "@v1", "@refs%2Fpr%2F1", f"@{COMMIT}"])
def test_a_folder_is_downloaded_as_far_as_it_is_needed(
    fla: Files, tmp_path: Path, revision: str
) -> None:
    with hub({"owner/name": fla}) as server:
        found = download(model(f"hf://owner/name{revision}"), HubClient(server.endpoint, tmp_path))
    assert names_of(found.place) == set(fla) - set(LITTER)
    assert found.pinned == f"hf://owner/name@{COMMIT}"
    assert same(read(found.place), tiny())


def test_a_named_file_is_downloaded_alone(fla: Files, tmp_path: Path) -> None:
    files = fla | {"sub/a.pth": b"a", "sub/b.pth": b"b"}
    with hub({"owner/name": files}) as server:
        found = download(
            model("hf://owner/name@v1/sub/b.pth"), HubClient(server.endpoint, tmp_path)
        )
    assert found.place.read_bytes() == b"b" and names_of(found.place.parent) == {"b.pth"}
    assert found.pinned == f"hf://owner/name@{COMMIT}/sub/b.pth"


def test_a_repository_of_blinkdl_wants_one_file_named(tmp_path: Path) -> None:
    with hub(
        {"BlinkDL/one": {"a.pth": b"a"}, "BlinkDL/two": {"a.pth": b"", "b.pth": b""}}
    ) as server:
        client = HubClient(server.endpoint, tmp_path)
        assert download(model("hf://BlinkDL/one"), client).place.read_bytes() == b"a"
        assert "name one of a.pth, b.pth" in refusal(model("hf://BlinkDL/two"), client)
        assert "it has a.pth, b.pth" in refusal(model("hf://BlinkDL/two/c.pth"), client)
    assert not any(".pth" in line and "two" in line for line in server.asked)


def test_adapters_and_tokenizers_are_found_by_their_setting(tmp_path: Path) -> None:
    lora = contents(peft_folder(tmp_path / "lora", low_rank(["lm_head.weight"], fla_form(tiny()))))
    files = lora | {"tokenizer.json": b"{}", "training_args.bin": b"pickle"}
    with hub({"o/n": files}) as server:
        client = HubClient(server.endpoint, tmp_path / "cache")
        tokenizer = download(Source("model.tokenizer", "hf://o/n"), client).place
        assert (tokenizer.name, names_of(tokenizer.parent)) == (
            "tokenizer.json",
            {"tokenizer.json"},
        )
        place = download(Source("model.lora", "hf://o/n"), client).place
    assert names_of(place) == {*lora, "tokenizer.json"}
    base = write_file(tmp_path / "base.pth", tiny())
    assert not same(read(base, lora=place), tiny())


def test_an_order_is_pinned_setting_by_setting(fla: Files, tmp_path: Path) -> None:
    with hub({"o/n": fla, "o/state": {"s.pth": b"s"}}) as server:
        found = pinned(
            order("hf://o/n", state="hf://o/state@v1", tokenizer="hf://o/n/tokenizer.json"),
            HubClient(server.endpoint, tmp_path),
        )
    assert found.path == f"hf://o/n@{COMMIT}" and found.state == f"hf://o/state@{COMMIT}"
    assert found.tokenizer == f"hf://o/n@{COMMIT}/tokenizer.json"


@pytest.mark.parametrize(
    "path", ["hf://o/n", "hf://o/n@v1", f"hf://o/n@{COMMIT}", "hf://o/n/a.bin"]
)
def test_what_was_downloaded_is_found_without_a_network(
    fla: Files, tmp_path: Path, path: str
) -> None:
    with hub({"o/n": fla | {"a.bin": b"a"}}) as server:
        client = HubClient(server.endpoint, tmp_path)
        before = download(model(path), client)
    assert download(model(path), HubClient(server.endpoint, tmp_path)) == before


def test_what_was_not_downloaded_is_named_without_a_network(fla: Files, tmp_path: Path) -> None:
    with hub({"o/n": fla}) as server:
        download(model(f"hf://o/n@{COMMIT}/tokenizer.json"), HubClient(server.endpoint, tmp_path))
    client = HubClient(server.endpoint, tmp_path)
    assert "the hub cannot be reached" in refusal(model("hf://o/n"), client)
    assert "the hub cannot be reached" in refusal(model("hf://o/other"), client)
    assert "holds no weights" in refusal(model(f"hf://o/n@{COMMIT}"), client)


def test_a_commit_is_asked_for_once(fla: Files, tmp_path: Path) -> None:
    with hub({"o/n": fla}) as server:
        client = HubClient(server.endpoint, tmp_path)
        for _ in range(3):
            download(model(f"hf://o/n@{COMMIT}"), client)
    assert sum("api/models" in line for line in server.asked) == 1
    assert sum(line.startswith("GET o/n/resolve") for line in server.asked) == 5


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (404, "RepoNotFound", "is no repository on the hub"),
        (401, "RepoNotFound", "is no repository on the hub"),
        (403, "GatedRepo", "is gated; accept its terms"),
        (404, "RevisionNotFound", "a revision that the repository does not have"),
        (418, "", "the hub cannot be reached"),
    ],
)
def test_every_refusal_of_the_hub_is_one_line(
    tmp_path: Path, status: int, code: str, words: str
) -> None:
    with hub(refusals={"o/n": (status, code)}) as server:
        assert words in refusal(model("hf://o/n@v1"), HubClient(server.endpoint, tmp_path))


def test_a_revision_that_is_not_there_is_named(fla: Files, tmp_path: Path) -> None:
    with hub({"o/n": fla}) as server:
        client = HubClient(server.endpoint, tmp_path)
        assert "revision" in refusal(model("hf://o/n@v2"), client)


def test_a_cache_that_cannot_be_written_is_named(fla: Files, tmp_path: Path) -> None:
    (tmp_path / "cache").write_bytes(b"a file, no folder")
    with hub({"o/n": fla}) as server:
        client = HubClient(server.endpoint, tmp_path / "cache")
        assert "set HF_HOME" in refusal(model("hf://o/n"), client)


def test_an_index_that_names_what_is_not_there_is_refused(fla: Files, tmp_path: Path) -> None:
    files = {name: x for name, x in fla.items() if not name.startswith("model-00002")}
    with hub({"o/n": files}) as server:
        client = HubClient(server.endpoint, tmp_path)
        assert "names model-00002-of-00002.safetensors" in refusal(model("hf://o/n"), client)


@pytest.mark.parametrize(
    "path",
    [
        "hf://",
        "hf://name",
        "hf://owner/",
        "hf://owner/name/",
        "hf://owner/name@",
        "hf://owner/name@v1@v2",
        "hf://owner/name/../../etc/passwd",
        "hf://owner/name/a//b",
        "hf://owner/name@..%2F..%2Fx/a.pth",
        "hf://owner/name@%2Fetc/a.pth",
        "hf://owner/na me",
        "hf://owner/name/a\\b",
    ],
)
def test_what_is_no_path_on_the_hub_is_refused(path: str) -> None:
    with pytest.raises(WeightsError, match=r"is not hf://owner/name\[@revision\]\[/file\]"):
        Reference.parse(model(path))


def test_a_path_on_the_hub_is_written_as_it_is_read() -> None:
    for path in ("hf://a/b@main", f"hf://a/b@{COMMIT}/c/d.pth", "hf://a/b@refs%2Fpr%2F1/c.pth"):
        assert str(Reference.parse(model(path))) == path
