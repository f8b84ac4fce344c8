"""Random streams: the bits of splitmix64, and streams that know nothing of each other."""

from __future__ import annotations

import hashlib
import itertools

import numpy as np
import pytest
from numba import njit

from distsim.core import rng

MASK = (1 << 64) - 1
STREAMS = rng.streams_of(1, "test", 0, np.arange(2000))


@njit
def fill(streams, counters, integers, uniforms):
    """Numbers counters[c] of the streams, as kernels draw them: (streams, counters)."""
    for k in range(streams.keys.size):
        for c in range(counters.size):
            integers[k, c] = rng.draw(streams, k, counters[c])
            uniforms[k, c] = rng.draw_uniform(streams, k, counters[c])


def draws(streams, counters):
    """Numbers of streams as uint64 and as float64 in [0, 1), both (streams, counters)."""
    shape = len(streams.keys), len(counters)
    integers, uniforms = np.empty(shape, np.uint64), np.empty(shape)
    fill(streams, counters, integers, uniforms)
    return integers, uniforms


@njit
def hashed_counters(salt, n):
    """What the numbers 0 .. n[0] - 1 of a family add to its keys."""
    return rng.hashed_counters(salt, n)


def splitmix64(z):
    """The finaliser of Steele, Lea & Flood (2014) on Python's integers."""
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & MASK
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & MASK
    return z ^ (z >> 31)


def splitmix64_of_arrays(z):
    """The same on numpy's arrays of uint64."""
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def number(key, salt, counter):
    """The definition of a stream's numbers on Python's integers."""
    return splitmix64((int(key) + splitmix64((int(salt) + int(counter) * 0x9E3779B97F4A7C15) & MASK)) & MASK)


def key_of(seed, purpose, owner, gid):
    """The definition of a stream's key, and of its salt, on Python's integers."""
    digest = hashlib.blake2b(f"{seed}|{purpose}|{owner}".encode(), digest_size=16).digest()
    base, salt = int.from_bytes(digest[:8], "little"), int.from_bytes(digest[8:], "little")
    return splitmix64(splitmix64((base + gid * 0x9E3779B97F4A7C15) & MASK) ^ base), salt


def correlation(x, y):
    return float(np.corrcoef(x.ravel(), y.ravel())[0, 1])


# ---------------------------------------------------------------- bits


def test_the_stream_is_splitmix64():
    """First numbers of the public-domain splitmix64.c for the seed 1234567: what is added to a key of 0 once more."""
    published = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431]
    assert [int(rng.hashed(np.uint64(1234567), counter)) for counter in range(1, 5)] == published
    integers, _ = draws(rng.Streams(np.zeros(1, np.uint64), np.uint64(1234567)), np.arange(1, 5))
    assert integers[0].tolist() == [splitmix64(number) for number in published]


def test_kernels_numpy_and_python_draw_the_same_bits():
    streams, counters = STREAMS.part(slice(50)), np.array([0, 1, 2, 1000, 2**31, 2**40 + 1])
    integers, uniforms = draws(streams, counters)
    expected = [[number(key, streams.salt, c) for c in counters] for key in streams.keys]
    assert integers.tolist() == expected
    hashed = splitmix64_of_arrays(streams.salt + counters.astype(np.uint64) * rng.INCREMENT)
    assert (integers == splitmix64_of_arrays(streams.keys[:, None] + hashed)).all()
    assert rng.hashed_counters(streams.salt, np.array([2, 0, 3])).tolist() == hashed[:3].tolist()
    assert uniforms.tolist() == [[(n >> 11) / 2**53 for n in row] for row in expected]
    with np.errstate(over="ignore"):
        assert [[int(rng.draw.py_func(streams, k, c)) for c in counters] for k in range(50)] == expected
        assert [[rng.draw_uniform.py_func(streams, k, c) for c in counters] for k in range(50)] == uniforms.tolist()


@pytest.mark.parametrize(("seed", "purpose", "owner"), [(1, "edges", 0), (0, "V_m", 3), (-5, "x", 1), (2**80, "x", 0)])
def test_keys_are_as_defined(seed, purpose, owner):
    gids = np.array([0, 1, 2, 12345, 2**40 - 1])
    keys, salt = rng.streams_of(seed, purpose, owner, gids)
    assert [(key, salt) for key in keys.tolist()] == [key_of(seed, purpose, owner, int(gid)) for gid in gids]
    with np.errstate(over="ignore"):
        interpreted = np.empty(len(gids), np.uint64)
        rng.fill_keys.py_func(rng.family(seed, purpose, owner)[0], gids, interpreted)
    assert interpreted.tolist() == keys.tolist()


@pytest.mark.parametrize("n", range(18))
def test_a_key_does_not_depend_on_its_place_in_an_array(n):
    keys = rng.streams_of(7, "test", 0, np.arange(n)).keys
    assert keys.tolist() == [rng.streams_of(7, "test", 0, np.array([gid])).keys[0] for gid in range(n)]
    assert rng.streams_of(7, "test", 0, np.arange(n)[::3]).keys.tolist() == keys[::3].tolist()


# ---------------------------------------------------------------- distribution


def test_numbers_are_uniform():
    _, u = draws(STREAMS, np.arange(500))
    n = u.size
    assert 0.0 <= u.min() < 1e-5
    assert 1.0 - 1e-5 < u.max() < 1.0
    assert u.mean() == pytest.approx(0.5, abs=4 * np.sqrt(1 / 12 / n))
    assert u.var() == pytest.approx(1 / 12, abs=4 * np.sqrt(1 / 180 / n))
    counts = np.histogram(u, bins=1000, range=(0.0, 1.0))[0]
    chi_squared = ((counts - n / 1000) ** 2 / (n / 1000)).sum()
    assert abs(chi_squared - 999) < 4 * np.sqrt(2 * 999)


def test_every_bit_is_set_half_of_the_time_and_independent_of_every_other():
    integers, _ = draws(STREAMS.part(slice(400)), np.arange(500))
    bits = (integers.ravel()[:, None] >> np.arange(64, dtype=np.uint64)) & np.uint64(1)
    c = np.corrcoef(bits.astype(np.float64).T)
    error = 1 / np.sqrt(integers.size)
    assert np.abs(bits.mean(axis=0) - 0.5).max() < 4.5 * error / 2
    assert np.abs(c - np.eye(64)).max() < 5 * error  # the largest of 2016


def test_one_bit_of_the_gid_changes_half_of_the_bits_of_the_key():
    changed = [int(a ^ b).bit_count() for a, b in itertools.pairwise(STREAMS.keys)]
    assert np.mean(changed) == pytest.approx(32.0, abs=4 * 4 / np.sqrt(len(changed)))
    assert min(changed) > 8


# ---------------------------------------------------------------- independence


@pytest.mark.parametrize("gid_lag", [1, 2, 3, 16, 100, 1250])
@pytest.mark.parametrize("counter_lag", [-2, -1, 0, 1, 2, 12])
def test_streams_of_neighbouring_gids_are_uncorrelated(gid_lag, counter_lag):
    _, u = draws(STREAMS.part(slice(1400)), np.arange(300))
    ahead, behind = max(counter_lag, 0), max(-counter_lag, 0)
    x, y = u[:-gid_lag, behind : 300 - ahead], u[gid_lag:, ahead : 300 - behind]
    assert abs(correlation(x, y)) < 4 / np.sqrt(x.size)


def test_numbers_of_one_stream_are_uncorrelated():
    _, u = draws(STREAMS.part(slice(20)), np.arange(20_000))
    for lag in (1, 2, 3, 7, 8, 64, 1000, 4096):
        assert abs(correlation(u[:, :-lag], u[:, lag:])) < 4 / np.sqrt(u[:, lag:].size)


OWNERS = [(1, "edges", 0), (2, "edges", 0), (3, "edges", 0), (1, "weight", 0), (1, "edges", 1), (-1, "edges", 0)]


def test_seeds_purposes_and_owners_share_no_number():
    """Streams that were shifted copies of each other, in gid or in counter, would have numbers in common."""
    gids, counters = np.arange(300), np.arange(500)
    everything = np.concatenate([draws(rng.streams_of(*o, gids), counters)[0].ravel() for o in OWNERS])
    assert len(np.unique(everything)) == len(everything) == len(OWNERS) * 300 * 500


def test_no_two_streams_share_two_numbers_in_a_row():
    """Numbers s, s + 1 of one stream are numbers t, t + 1 of another only where hashed counters differ equally."""
    n = 400_000
    gaps = [np.diff(hashed_counters(rng.family(*owner)[1], np.array([n]))) for owner in OWNERS[:2]]
    assert len(np.unique(np.concatenate(gaps))) == len(gaps) * (n - 1)


@pytest.mark.parametrize("pair", list(itertools.combinations(range(len(OWNERS)), 2)))
def test_seeds_purposes_and_owners_are_uncorrelated_at_all_shifts(pair):
    """Cross-correlation over all shifts of gid and counter at once, by FFT; the largest of 65536 is below 5.5 sigma."""
    shape = 256, 256
    x, y = (draws(rng.streams_of(*OWNERS[k], np.arange(shape[0])), np.arange(shape[1]))[1] - 0.5 for k in pair)
    c = np.fft.ifft2(np.fft.fft2(x) * np.conj(np.fft.fft2(y))).real / (x.std() * y.std() * x.size)
    assert np.abs(c).max() < 5.5 / np.sqrt(x.size)
    assert c.std() == pytest.approx(1 / np.sqrt(x.size), rel=0.05)


def test_shifted_copies_would_be_found():
    """The same statistic on what a generator seeded by seed + gid would give."""
    u = draws(rng.streams_of(1, "edges", 0, np.arange(257)), np.arange(256))[1] - 0.5
    x, y = u[:-1], u[1:]
    c = np.fft.ifft2(np.fft.fft2(x) * np.conj(np.fft.fft2(y))).real / (x.std() * y.std() * x.size)
    assert np.abs(c).max() > 0.9
