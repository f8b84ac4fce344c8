"""Which vector registers a compiled kernel computes with, read from its assembly (x86-64 as LLVM writes it)."""

import platform
import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

WIDTHS = {"zmm": 512, "ymm": 256, "xmm": 128}  # bits

_FLOATING_POINT = r"(?:add|sub|mul|div|sqrt|min|max|cmp\w*|fn?m(?:add|sub)\w*|rndscale|round|gather\w*|scatter\w*)p[ds]"
_CONVERSION = r"cvtt?(?:u?qq2pd|pd2u?qq|u?dq2p[ds]|p[ds]2u?dq|pd2ps|ps2pd)"
_INTEGER = r"p(?:add|sub|mul|min|max|cmp|s[lr]l|sra|ternlog|gather|scatter)\w*"
_COMPUTING = re.compile(rf"^\s+v?(?:{_FLOATING_POINT}|{_CONVERSION}|{_INTEGER})\s")
"""Packed instructions that compute, gather or scatter; moves, shuffles and scalar arithmetic are left out."""

_REGISTER = re.compile(r"%([xyz]mm)\d")


def packed_instructions(assembly: str) -> dict[str, int]:
    """Number of packed computing instructions by the widest register each of them names."""
    found: Counter[str] = Counter()
    for line in assembly.splitlines():
        if _COMPUTING.match(line):
            names = _REGISTER.findall(line)
            if names:
                found[max(names)] += 1  # zmm > ymm > xmm
    return {name: found[name] for name in WIDTHS if found[name]}


def dispatcher(kernel: Any) -> Any:
    """What numba has compiled of a kernel of the package, or of a function of its own."""
    return getattr(kernel, "dispatcher", kernel)


def signatures(kernel: Any) -> list[Any]:
    """Those for which it was compiled in this process."""
    return list(dispatcher(kernel).signatures)


def registers(kernels: Iterable[Any], before: Iterable[Iterable[Any]]) -> dict[str, Any]:
    """Widest register and counts of packed instructions of the kernels that a case has run.

    before: the signatures of each kernel before the case ran. What it compiled since is what it uses; where it
    compiled nothing, all that was compiled earlier counts. Code must have been compiled in this process: numba keeps no
    assembly of code from its cache.
    """
    if platform.machine() not in ("x86_64", "AMD64"):
        return {"widest": "unknown", "packed": {}}
    found: Counter[str] = Counter()
    for kernel, old in zip(kernels, before, strict=True):
        new = [signature for signature in signatures(kernel) if signature not in set(old)]
        for signature in new or signatures(kernel):
            found.update(packed_instructions(dispatcher(kernel).inspect_asm(signature)))
    packed = {name: found[name] for name in WIDTHS if found[name]}
    return {"widest": next(iter(packed), "scalar"), "packed": packed}
