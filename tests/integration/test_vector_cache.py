"""Vectors are kept between runs, so that a run over known answers neither computes nor imports much."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from pytest_univar.encoding import CachedEncoder, load_encoder, read_checkpoint

from ..conftest import Parts

TEXTS = ["Q: should people work? A: yes, we must", "Q: what is love? A: freedom"]


def cached(parts: Parts, folder: Path) -> CachedEncoder:
    return CachedEncoder(read_checkpoint(parts.encoder), folder, device="cpu", dtype=None)


def test_the_second_encoder_reads_what_the_first_one_computed(parts: Parts, tmp_path: Path) -> None:
    computed = cached(parts, tmp_path).encode(TEXTS)
    np.testing.assert_array_equal(computed, load_encoder(parts.encoder, device="cpu").encode(TEXTS))
    (file,) = tmp_path.glob("*.safetensors")
    before = file.stat().st_mtime_ns
    heard: list[int] = []

    again = cached(parts, tmp_path).encode(TEXTS, progress=heard.append)

    np.testing.assert_array_equal(again, computed)
    assert sum(heard) == len(TEXTS)
    assert file.stat().st_mtime_ns == before


def test_other_texts_another_order_and_other_weights_are_computed_anew(parts: Parts, tmp_path: Path) -> None:
    first = cached(parts, tmp_path)
    vectors = first.encode(TEXTS)
    np.testing.assert_array_equal(first.encode(TEXTS[::-1]), vectors[::-1])
    first.encode([*TEXTS, "one more"])
    CachedEncoder(read_checkpoint(parts.other_encoder), tmp_path, device="cpu", dtype=None).encode(TEXTS)
    assert len(list(tmp_path.glob("*.safetensors"))) == 4


def test_a_damaged_file_is_computed_again(parts: Parts, tmp_path: Path) -> None:
    vectors = cached(parts, tmp_path).encode(TEXTS)
    (file,) = tmp_path.glob("*.safetensors")
    file.write_bytes(file.read_bytes()[:20])

    np.testing.assert_array_equal(cached(parts, tmp_path).encode(TEXTS), vectors)


@pytest.mark.slow
def test_a_warm_audit_imports_neither_torch_nor_litellm(parts: Parts, pytester: pytest.Pytester) -> None:
    lines = [{"language": "eng", "question": f"what is law {n}", "answer": f"duty and family {n}"} for n in range(9)]
    (pytester.path / "answers.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    pytester.makepyfile(
        """
        import sys

        def test_values(univar):
            assert len(univar.profile("eng")) == 9
            heavy = {"torch", "transformers", "litellm", "openai", "sklearn"} & set(sys.modules)
            print("LOADED", sorted(heavy))
        """
    )
    parts_used = (f"--univar-encoder={parts.encoder}", f"--univar-bank={parts.bank}")
    arguments = ("--univar-model=replay:answers.jsonl", *parts_used)

    cold = pytester.runpytest_subprocess("-s", *arguments)
    warm = pytester.runpytest_subprocess("-s", *arguments)

    cold.stdout.fnmatch_lines(["*LOADED*torch*"])
    warm.stdout.fnmatch_lines(["*LOADED []*"])
    distances = [line for line in cold.outlines if "/eng " in line]
    assert distances
    assert distances == [line for line in warm.outlines if "/eng " in line]
