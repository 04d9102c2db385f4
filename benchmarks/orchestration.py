"""How close asking comes to the time that the server alone would need, beside litellm's own batch_completion.

    python benchmarks/orchestration.py --calls 1000 --latency 0.2 --concurrency 64 --repeats 3

The server is a process of its own that answers each request after a fixed time. The ideal is calls / concurrency ×
latency. `first` is a service that has to find its pace, `again` one that has found it; both record every answer in a
cassette. `alone` is the latter with a sleep in litellm's place: what our own orchestration costs. Imports
and the first connection are left out, for both contestants.

CPU is that of the asking process, which can keep no more than one core busy: where a call takes more of it than
latency / concurrency (3.1 ms by default), it and not the server sets the pace. `floor` is litellm.acompletion itself,
from a plain loop of tasks: nothing built on it can be faster.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple
from unittest.mock import patch

from pytest_univar.elicitation import loop
from pytest_univar.elicitation.litellm import LiteLLMService
from pytest_univar.elicitation.recorded import RecordedElicitor
from pytest_univar.elicitation.vendor import import_litellm
from pytest_univar.values import Question

COMPLETION = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "some-model",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "An answer."}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18},
}


def serve(port: Connection, latency: float) -> None:
    """Answer every HTTP request with COMPLETION after ``latency`` seconds, until the process is ended."""
    body = json.dumps(COMPLETION).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                request = (await reader.readuntil(b"\r\n\r\n")).lower()
                await reader.readexactly(int(request.partition(b"content-length:")[2].split(b"\r\n")[0]))
                await asyncio.sleep(latency)
                writer.write(head + body)
        writer.close()

    async def main() -> None:
        server = await asyncio.start_server(talk, "127.0.0.1", 0, backlog=1024)
        port.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(main())


@contextlib.contextmanager
def server(latency: float) -> Iterator[str]:
    """The API base of a server that runs meanwhile."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(there, latency), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{here.recv()}/v1"
    finally:
        process.terminate()
        process.join()


class Took(NamedTuple):
    """Seconds."""

    wall: float
    cpu: float


def timed(work: Callable[[], int], calls: int) -> Took:
    wall, cpu = time.perf_counter(), time.process_time()
    answered = work()
    took = Took(time.perf_counter() - wall, time.process_time() - cpu)
    if answered != calls:
        raise SystemExit(f"found {answered} answers, expected {calls}")
    return took


def questions(name: str, count: int) -> list[Question]:
    return [Question(f"{name}-{number}", f"{name}, question {number}?") for number in range(count)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--model", default="openai/gpt-4o-mini", help="its name only: the provider's code and the price"
    )
    parser.add_argument("--calls", type=int, default=1000)
    parser.add_argument("--latency", type=float, default=0.2, help="seconds")
    parser.add_argument("--concurrency", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    os.environ["OPENAI_API_KEY"] = "none"
    litellm = import_litellm()
    ideal = options.calls / options.concurrency * options.latency
    contestants = ("pytest-univar, first", "pytest-univar, again", "pytest-univar, alone", "batch_completion", "floor")
    results: dict[str, list[Took]] = {name: [] for name in contestants}

    with server(options.latency) as api_base, tempfile.TemporaryDirectory() as folder:

        def ask(service: LiteLLMService, name: str, count: int) -> int:
            return RecordedElicitor(service, Path(folder)).elicit(questions(name, count), "eng").tally.kept

        def batch(count: int) -> int:
            messages = [[{"role": "user", "content": question.text}] for question in questions("batch", count)]
            replies = litellm.batch_completion(
                options.model, messages, api_base=api_base, max_tokens=128, max_workers=options.concurrency
            )
            return sum(not isinstance(reply, Exception) for reply in replies)

        def floor(count: int) -> int:
            async def work(messages: Iterator[Question]) -> int:
                done = 0
                for question in messages:
                    content = [{"role": "user", "content": question.text}]
                    await litellm.acompletion(
                        options.model, content, api_base=api_base, max_tokens=128, top_p=0.95, max_retries=0
                    )
                    done += 1
                return done

            async def work_all() -> int:
                shared = iter(questions("floor", count))
                return sum(await asyncio.gather(*(work(shared) for _ in range(options.concurrency))))

            return loop.run(work_all)

        reply = litellm.ModelResponse(**COMPLETION)

        async def pretend(**_: object) -> object:
            await asyncio.sleep(options.latency)
            return reply

        stub = SimpleNamespace(acompletion=pretend)
        ask(LiteLLMService(options.model, api_base), "warm-up", 2)
        batch(2)
        for repeat in range(options.repeats):
            service = LiteLLMService(options.model, api_base, concurrency=options.concurrency)
            for name in ("first", "again"):
                work = partial(ask, service, f"{name} {repeat}", options.calls)
                results[f"pytest-univar, {name}"].append(timed(work, options.calls))
            with patch("pytest_univar.elicitation.litellm.import_litellm", return_value=stub):
                work = partial(ask, service, f"alone {repeat}", options.calls)
                results["pytest-univar, alone"].append(timed(work, options.calls))
            results["floor"].append(timed(partial(floor, options.calls), options.calls))
            results["batch_completion"].append(timed(partial(batch, options.calls), options.calls))

    print(f"{options.calls} calls of {options.latency:g} s, {options.concurrency} at once: ideally {ideal:.2f} s")
    for who, runs in results.items():
        walls = sorted(run.wall for run in runs)
        cpu = statistics.median(run.cpu for run in runs) / options.calls
        print(
            f"{who:<21} {statistics.median(walls):6.2f} s ({walls[0]:.2f} to {walls[-1]:.2f}), "
            f"{statistics.median(walls) / ideal:.2f} times the ideal, {1000 * cpu:.1f} ms of CPU a call"
        )


if __name__ == "__main__":
    main()
