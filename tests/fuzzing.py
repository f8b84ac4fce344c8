"""What the tests of wrong input share: words that nobody expects, how many examples, and an end to endless ones."""

from __future__ import annotations

import signal
import sys
from contextlib import contextmanager

WORDS = (
    "", " ", "0", "-0.0", "1", "-1", "nan", "inf", "-inf", "1e308", "-1e308", "1e-308", "5e-324", "1e400", "1e30",
    "1e-30", "1e12", "1e-12", "-1e12", "2147483647", "2147483648", "4294967296", "9223372036854775807",
    "9223372036854775808", "9" * 400, "-" + "9" * 400, "9" * 5000, "0." + "0" * 400 + "1", "true", "false", "none",
    "null", "[]", "[[]]", "{}", "[1]", "[1,2]", "[[1,2],[3,4]]", "[1e400]", '["a"]', "[null]", "[NaN]",
    "[Infinity, 1]", "[" * 3000, "[" * 50 + "]" * 50, "é", "ü" * 100, "一", "\u202e", "\udcff", "a\tb", "a\nb", "1,2",
    "1_0", "0x10", "1e", "--", "-", "%s", "{0}", "$HOME", "a/b", "../..", "=", "=1", "/dev/zero",
)  # fmt: skip
"""Texts that a number, a list, a name or a path may be given as."""


class Stopped(BaseException):
    """What was given was accepted, and a few steps of it were simulated."""


def examples(n: int) -> int:
    """So many examples, or as many times more as ``--fuzz`` says."""
    words = sys.argv
    for k, word in enumerate(words):
        if word.startswith("--fuzz="):
            return n * int(word.partition("=")[2])
        if word == "--fuzz" and k + 1 < len(words):
            return n * int(words[k + 1])
    return n


@contextmanager
def time_limit(seconds: int):
    """Fail where what is inside does not end."""

    def fail(number, frame):
        raise TimeoutError(f"no end after {seconds} s")

    before = signal.signal(signal.SIGALRM, fail)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
