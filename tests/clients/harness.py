# SPDX-License-Identifier: MIT
"""What the clients' cases share: the Case, comparisons, and playing the cases of one client against a server."""

import asyncio
import inspect
import json
import re
import signal
import time
import traceback
from collections.abc import Awaitable, Callable, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

CASE_SECONDS = 60

# What an answer is compared with, as the table says it.
RECORDED = "recorded answers of the model"
REQUEST = "what was asked"
CLIENT = "what the client accepts"
PROTOCOL = "the protocol's documents"
REFUSAL = "the client's own error"


@dataclass(frozen=True)
class Case:
    """One call of a client: what it is, what its answer is compared with, and the function that makes and checks it.

    replays: whether the same bytes must always be answered alike, and are few enough to be kept (tests/replay).
    """

    call: str
    against: str
    run: Callable[[], Awaitable[None] | None]
    replays: bool = True


class Cases(list[Case]):
    """Collects cases in the order in which they are played."""

    def case(self, call: str, against: str = RECORDED, *arguments: Any, replays: bool = True) -> Callable:
        """Decorates a function that plays the call; arguments are handed to it."""

        def add(function: Callable) -> Callable:
            self.append(Case(call, against, lambda: function(*arguments), replays))
            return function

        return add


def equal(got: Any, expected: Any) -> None:
    """Fails unless both are equal, text by text and bit by bit; NaN equals NaN."""
    got, expected = _plain(got), _plain(expected)
    if isinstance(expected, np.ndarray):
        np.testing.assert_array_equal(got, expected)
    elif got != expected:
        raise AssertionError(f"expected {expected!r}, got {got!r}")


def close(got: Any, expected: Any, rel: float = 1e-12) -> None:
    """Fails unless the numbers differ by at most rel times the largest of their row."""
    got, expected = np.asarray(got), np.asarray(expected)
    if expected.dtype == bool:
        equal(got, expected)
        return
    if got.shape != expected.shape:
        raise AssertionError(f"expected shape {expected.shape}, got {got.shape}")
    largest = np.max(np.abs(expected), axis=-1, keepdims=True, initial=0) if expected.ndim else np.abs(expected)
    if not np.all(np.abs(got - expected) <= rel * largest):
        raise AssertionError(f"expected {expected!r} within {rel}, got {got!r}")


def _plain(value: Any) -> Any:
    if isinstance(value, (list, tuple)) and any(isinstance(v, np.ndarray) for v in value):
        value = np.array(value)
    if isinstance(value, np.ndarray) and value.dtype.kind in "OSU":
        return np.array([v.decode() if isinstance(v, bytes) else v for v in value.ravel()], object).reshape(value.shape)
    return value


def has(text: Any, pattern: str) -> None:
    """Fails unless the pattern is found in the text."""
    if not re.search(pattern, str(text)):
        raise AssertionError(f"expected {pattern!r} in {text!r}")


@contextmanager
def refused(error: type[Exception] | tuple, pattern: str = "", check: Callable[[Exception], None] | None = None):
    """Fails unless its body raises this error, with a text that the pattern is found in."""
    try:
        yield
    except error as e:
        has(f"{e}", pattern)
        if check:
            check(e)
        return
    raise AssertionError("it was not refused")


def _late(*_: Any) -> None:
    raise TimeoutError(f"it took more than {CASE_SECONDS} s")


def play(client: str, cases: Iterable[Case], loop: asyncio.AbstractEventLoop,
         started: Callable[[str], None]) -> int:
    """Plays cases one after the other, telling each at its start; prints a line of JSON for each, returns how many
    failed."""
    n_failed = 0
    signal.signal(signal.SIGALRM, _late)
    for case in cases:
        started(case.call)
        wrong, begin = "", time.monotonic()
        signal.alarm(CASE_SECONDS)
        try:
            result = case.run()
            if inspect.isawaitable(result):
                loop.run_until_complete(result)
        except Exception as e:  # pylint: disable=broad-exception-caught
            where = next((f for f in reversed(traceback.extract_tb(e.__traceback__)) if "/cases/" in f.filename), None)
            wrong = f"{type(e).__name__}: {e}"[:600] + (f" (line {where.lineno})" if where else "")
        finally:
            signal.alarm(0)
        n_failed += bool(wrong)
        row = {"client": client, "call": case.call, "against": case.against, "wrong": wrong,
               "seconds": round(time.monotonic() - begin, 3)}
        print(json.dumps(row), flush=True)
    return n_failed
