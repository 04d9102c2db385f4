"""What a fully recorded audit of 500 answers takes, with its vectors computed before.

    python benchmarks/warm_audit.py

A server of our own answers 500 questions once; univar-mini embeds the answers. From then on nothing is asked and
nothing is embedded. Five times, in turns, one pytest runs the audit and another runs an empty test in the same folder
with ``-p no:univar``; the difference of the medians is what the audit takes of its own time. Exits with 1 if that is
above the limit of 2 s, or if the audit imported torch, litellm or anything else that is heavy. The other installed
plugins are left out of both, so that nothing they import is taken off. The processor time beside it, of all threads,
says whether the machine was too busy to tell. Byte code is cached as in any installation, whatever the environment
says, but in a temporary folder.
"""

from __future__ import annotations

import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import entry_points
from pathlib import Path
from typing import NamedTuple

ROUNDS = 5
ANSWERS = 500
LIMIT_SECONDS = 2.0
HEAVY = ("torch", "transformers", "litellm", "openai", "sklearn", "scipy", "pandas", "matplotlib")

AUDIT = """
def test_values(univar):
    profile = univar.profile("eng")
    assert len(profile) == 500
    profile.region(scheme="llm")
"""
EMPTY = "def test_nothing(): pass\n"
# At the very end, because the report is drawn after the tests.
CONFTEST = """
import sys

def pytest_unconfigure():
    with open("modules.txt", "w") as file:
        print(*sys.modules, sep="\\n", file=file)
"""
WORDS = (
    "people",
    "freedom",
    "duty",
    "family",
    "law",
    "money",
    "work",
    "state",
    "tradition",
    "change",
    "safety",
    "risk",
)


class Handler(BaseHTTPRequestHandler):
    """Answers a chat completion with a hundred words that depend on the question."""

    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        text = " ".join(random.Random(body["messages"][-1]["content"]).choices(WORDS, k=100))
        completion = {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1,
            "model": body["model"],
            "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 11, "completion_tokens": 100, "total_tokens": 111},
        }
        payload = json.dumps(completion).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)


class Took(NamedTuple):
    """Seconds."""

    wall: float
    processor: float


def median(runs: list[Took]) -> Took:
    return Took(*map(statistics.median, zip(*runs, strict=True)))


def processor_seconds() -> float:
    """What the processes that this one waited for have used so far."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


class Runs:
    """pytest, run in one folder."""

    def __init__(self, folder: Path, caches: str) -> None:
        self.folder = folder
        keep = {name: text for name, text in os.environ.items() if name not in ("PYTHONDONTWRITEBYTECODE", "CI")}
        self.environment = {**keep, "PYTHONPYCACHEPREFIX": caches, "OPENAI_API_KEY": "none"}
        others = [point.name for point in entry_points(group="pytest11") if point.name != "univar"]
        self.common = [argument for name in others for argument in ("-p", f"no:{name}")]

    def run(self, *arguments: str) -> Took:
        """A run that must pass."""
        command = [sys.executable, "-m", "pytest", "-q", *self.common, *arguments]
        begin, used = time.perf_counter(), processor_seconds()
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False
        )
        took = Took(time.perf_counter() - begin, processor_seconds() - used)
        if done.returncode:
            raise SystemExit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return took

    def loaded(self) -> list[str]:
        """The heavy packages that the last run imported."""
        modules = (self.folder / "modules.txt").read_text(encoding="utf-8").split()
        return sorted(set(HEAVY) & set(modules))


def main() -> int:
    with (
        tempfile.TemporaryDirectory() as folder,
        tempfile.TemporaryDirectory() as caches,
        ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server,
    ):
        threading.Thread(target=server.serve_forever, daemon=True).start()
        runs = Runs(Path(folder), caches)
        questions = [{"id": f"law-{n}", "text": f"What should people do about law {n}?"} for n in range(ANSWERS)]
        files = {
            "test_audit.py": AUDIT,
            "test_empty.py": EMPTY,
            "conftest.py": CONFTEST,
            "pytest.ini": "[pytest]\n",
            "questions.jsonl": "".join(json.dumps(question) + "\n" for question in questions),
        }
        for name, text in files.items():
            (runs.folder / name).write_text(text, encoding="utf-8")
        audit = (
            "test_audit.py",
            "--univar-model=openai/some-model",
            f"--univar-api-base=http://127.0.0.1:{server.server_port}/v1",
            "--univar-questions=questions.jsonl",
        )
        recording = runs.run(*audit)
        if "torch" not in runs.loaded():
            raise SystemExit("the recording run did not import torch, so the check of what is imported is broken")
        server.shutdown()

        audits: list[Took] = []
        empties: list[Took] = []
        loaded: set[str] = set()
        for number in range(ROUNDS + 1):
            warm = runs.run(*audit, "--univar-record=none")
            loaded.update(runs.loaded())
            empty = runs.run("test_empty.py", "-p", "no:univar")
            if number:  # the first round fills the caches of byte code
                audits.append(warm)
                empties.append(empty)

    with_it, without = median(audits), median(empties)
    own = Took(with_it.wall - without.wall, with_it.processor - without.processor)
    print(f"{'recording run':<15} once:        {shown(recording)}")
    print(f"{'recorded audit':<15} median of {ROUNDS}: {shown(with_it)}")
    print(f"{'empty test':<15} median of {ROUNDS}: {shown(without)}")
    print(f"{'difference':<15}              {shown(own)}; limit {LIMIT_SECONDS:.2f} s")
    print(f"{'heavy imports':<15} {', '.join(sorted(loaded)) or 'none'}")
    return int(own.wall > LIMIT_SECONDS or bool(loaded))


def shown(took: Took) -> str:
    return f"wall {took.wall:6.2f} s, processor {took.processor:6.2f} s"


if __name__ == "__main__":
    sys.exit(main())
