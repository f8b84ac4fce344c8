"""Connections that depend on positions, or whose number is drawn for each pair: listed one by one."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from distsim.connect.rules.edge_list import EdgeList
from distsim.core.distributions import Uniform
from distsim.core.errors import nearest
from distsim.nest.kernel import KERNEL
from distsim.nest.nest_errors import NESTErrors
from distsim.nest.parameter_objects import Parameter, as_parameter, drawn
from distsim.nest.positioned_nodes import Layer
from distsim.nest.spatial_masks import Mask, mask_of

Int64Array = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
RULES = ("pairwise_bernoulli", "pairwise_poisson", "fixed_indegree", "fixed_outdegree")
KEYS = (
    "rule", "mask", "p", "pairwise_avg_num_conns", "indegree", "outdegree", "use_on_source", "allow_autapses",
    "allow_multapses", "allow_oversized_mask",
)  # fmt: skip
PAIRS_AT_ONCE = 1 << 20
EVEN = drawn(Uniform(0.0, 1.0))


def depends_on_positions(conn_spec: Any, synapses: list[Any]) -> bool:
    """Whether connections or synapses depend on where nodes lie."""
    spec = conn_spec if isinstance(conn_spec, dict) else {}
    given = [*spec.values(), *(value for each in synapses if isinstance(each, dict) for value in each.values())]
    if any(isinstance(value, Parameter) and value.is_spatial() for value in given):
        return True
    of_degree = "p" in spec and "pairwise_bernoulli" not in str(spec.get("rule"))
    return of_degree or "mask" in spec or "use_on_source" in spec


def is_listed(conn_spec: Any) -> bool:
    """Whether each pair has a number of its own: a probability, or a mean number of connections."""
    spec = conn_spec if isinstance(conn_spec, dict) else {}
    return any(
        isinstance(spec.get(name), Parameter) for name in ("p", "indegree", "outdegree")
    ) or "pairwise_poisson" in (conn_spec, spec.get("rule"))


def spatial_rule(source: Int64Array, target: Int64Array, conn_spec: Any, of_positions: bool) -> EdgeList:
    """The edges from ``source`` to ``target`` (ids) that a specification asks for.

    of_positions: whether the nodes must have some.
    """
    spec = {"rule": conn_spec or "all_to_all"} if conn_spec is None or isinstance(conn_spec, str) else dict(conn_spec)
    for key in spec:
        if key not in KEYS:
            raise ValueError(
                f"'{key}' is not allowed in conn_spec when connecting with mask or kernel{nearest(key, KEYS)}"
            )
    rule = spec.get("rule", "all_to_all")
    if rule not in RULES:
        raise ValueError(
            "When using kernel or mask, the only possible connection rules are 'pairwise_bernoulli', "
            f"'pairwise_poisson', 'fixed_indegree', or 'fixed_outdegree', got {rule!r:.80}"
        )
    needed = {
        "fixed_indegree": "indegree",
        "fixed_outdegree": "outdegree",
        "pairwise_poisson": "pairwise_avg_num_conns",
    }
    if rule in needed and needed[rule] not in spec:
        raise IndexError(f"{rule} needs '{needed[rule]}'")
    if rule == "fixed_indegree" and "use_on_source" in spec:
        raise ValueError("'use_on_source' can only be set when using pairwise_bernoulli")
    of_targets = rule == "fixed_indegree" or bool(spec.get("use_on_source", False))
    for ids, end in ((source, "Presynaptic"), (target, "Postsynaptic")):
        if of_positions and KERNEL.layer(ids) is None:
            raise TypeError(f"{end} NodeCollection must have spatial information")
    ends = (target, source) if of_targets else (source, target)
    pairs = list(Pairs(*ends, spec, of_targets).chosen(rule, spec.get(needed.get(rule, "p"))))
    around, pool = (np.concatenate([np.zeros(0, np.int64), *(pair[k] for pair in pairs)]) for k in (0, 1))
    return EdgeList(pool, around) if of_targets else EdgeList(around, pool)


@dataclass
class Pairs:
    """Pairs of ``around``, each the middle of a mask, and ``pool`` (ids). of_targets: whether the pool are sources."""

    around: Int64Array
    pool: Int64Array
    spec: dict[str, Any]
    of_targets: bool

    def __post_init__(self) -> None:
        self.mask = mask_of(self.spec["mask"]) if "mask" in self.spec else None
        self.layer: Layer | None = KERNEL.layer(self.pool)
        if self.mask is not None and self.layer is not None:
            self._check_mask(self.mask, self.layer)

    def _check_mask(self, mask: Mask, layer: Layer) -> None:
        if len(mask.low) != len(layer.extent):
            raise NESTErrors.BadProperty(f"the mask has {len(mask.low)} dimensions, the layer {len(layer.extent)}")
        if mask.cells is not None and layer.shape is None:
            raise NESTErrors.BadProperty("Grid masks can only be used with grid layers.")
        size = layer.extent if mask.cells is None else np.array(layer.shape)
        too_large = (mask.high - mask.low > size * (1.0 + 1e-12)).any()
        if layer.edge_wrap and too_large and not self.spec.get("allow_oversized_mask", False):
            raise NESTErrors.BadProperty("Mask size must not exceed layer size; set allow_oversized_mask to override.")

    def _candidates(self) -> Iterator[tuple[Int64Array, Int64Array, Int64Array]]:
        """Pairs within the mask, by the first: which around, which of the pool, and which repetition of the layer.

        A layer that begins anew at its edges is repeated: a mask may lie over its edge.
        """
        at_once = max(PAIRS_AT_ONCE // max(len(self.pool), 1), 1)
        for begin in range(0, len(self.around), at_once):
            middle = np.arange(begin, min(begin + at_once, len(self.around)))
            i, j = np.repeat(middle, len(self.pool)), np.tile(np.arange(len(self.pool)), len(middle))
            if self.mask is None or self.layer is None:
                found = [(i, j, np.zeros(len(i), np.int64))]
            else:
                away = KERNEL.positions(self.pool)[j] - KERNEL.positions(self.around)[i]
                found = []
                for number, shift in enumerate(self._repetitions(self.mask, self.layer)):
                    inside = np.flatnonzero(self.mask.holds(self._in_cells(away + shift)))
                    found.append((i[inside], j[inside], np.full(len(inside), number)))
            first, second, image = (np.concatenate([each[k] for each in found]) for k in range(3))
            keep = np.ones(len(first), np.bool_)
            if not self.spec.get("allow_autapses", True):
                keep = self.around[first] != self.pool[second]
            order = np.flatnonzero(keep)[np.argsort(first[keep], kind="stable")]
            yield first[order], second[order], image[order]

    def _repetitions(self, mask: Mask, layer: Layer) -> list[FloatArray]:
        if not layer.edge_wrap:
            return [np.zeros(len(layer.extent))]
        cell = np.ones(len(layer.extent)) if mask.cells is None else layer.extent / np.array(layer.shape)
        most = np.ceil(np.maximum(np.abs(mask.low), np.abs(mask.high)) * cell / layer.extent).astype(int)
        times = itertools.product(*(range(-n, n + 1) for n in most))
        return [np.array(each) * layer.extent for each in times]

    def _in_cells(self, away: FloatArray) -> FloatArray:
        """Displacements as the mask takes them: in cells, to the right and downwards, for one of cells."""
        if self.mask is None or self.mask.cells is None or self.layer is None or self.layer.shape is None:
            return away
        cells = away / (self.layer.extent / np.array(self.layer.shape))
        cells[:, 1] *= -1.0
        return cells

    def _draw(self, value: Any, around: Int64Array, pool: Int64Array, image: Int64Array) -> FloatArray:
        """Numbers of a parameter for pairs."""
        ends = (pool, around) if self.of_targets else (around, pool)
        ids = (self.pool, self.around) if self.of_targets else (self.around, self.pool)
        sources = ids[0][ends[0]]
        entries = ends[0] + image * len(ids[0])
        numbers: FloatArray = KERNEL.draw(as_parameter(value), ids[1][ends[1]], entries, sources)
        return numbers

    def chosen(self, rule: str, value: Any) -> Iterator[tuple[Int64Array, Int64Array]]:
        """The pairs of a rule: which around and which of the pool. value: probability, mean number, or degree."""
        degrees = KERNEL.draw(as_parameter(value), self.around).astype(np.int64) if rule.startswith("fixed") else None
        for around, pool, image in self._candidates():
            if degrees is not None:
                likely = self._draw(self.spec.get("p", 1.0), around, pool, image)
                yield from self._fixed(degrees, around, pool, likely)
                continue
            mean = self._draw(1.0 if value is None else value, around, pool, image)
            even = self._draw(EVEN, around, pool, image)
            if rule == "pairwise_poisson":
                from scipy.stats import poisson

                if (mean < 0.0).any():
                    raise NESTErrors.BadProperty("Connection parameter 0 <= pairwise_avg_num_conns required.")
                times = poisson.ppf(even, mean).astype(np.int64)
                yield np.repeat(around, times), np.repeat(pool, times)
            else:
                yield around[even < mean], pool[even < mean]

    def _fixed(
        self, degrees: Int64Array, around: Int64Array, pool: Int64Array, likely: FloatArray
    ) -> Iterator[tuple[Int64Array, Int64Array]]:
        """As many of the pool for each node as ``degrees`` say, as likely as numbers (n,) say."""
        repeated = self.spec.get("allow_multapses", True)
        possible = likely > 0.0
        around, pool, likely = around[possible], pool[possible], likely[possible]
        number = np.bincount(around, minlength=len(self.around))
        begin = np.searchsorted(around, np.arange(len(self.around)))
        for middle in range(int(around[0]), int(around[-1]) + 1) if len(around) else ():
            degree = int(degrees[middle])
            self._check_number(int(number[middle]), degree, middle)
            own = slice(begin[middle], begin[middle] + number[middle])
            owner = np.full(degree if repeated else number[middle], self.around[middle])
            even = KERNEL.draw(EVEN, owner, np.arange(len(owner)))
            if repeated:
                sums = np.cumsum(likely[own])
                picked = np.searchsorted(sums, even * sums[-1], side="right")
            else:  # those with the smallest of exponential numbers of these rates
                picked = np.argsort(-np.log1p(-even) / likely[own], kind="stable")[:degree]
            yield np.full(degree, middle), pool[own][np.minimum(picked, number[middle] - 1)]

    def _check_number(self, number: int, degree: int, middle: int) -> None:
        if number < (min(degree, 1) if self.spec.get("allow_multapses", True) else degree):
            end, others = ("target", "sources") if self.of_targets else ("source", "targets")
            raise NESTErrors.KernelException(
                f"Global {end} ID {self.around[middle]}: Not enough {others} found inside mask"
            )
