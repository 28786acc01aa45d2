"""CUDA's normal random numbers on any device: Philox 4x32-10 (Salmon et al., 2011) and the Box-Muller transform."""

from __future__ import annotations

import math

import numpy as np

_MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
_WEYL = (0x9E3779B9, 0xBB67AE85)
# rounded to float32 as in CUDA; as arrays, so that the products below are float64 under any numpy
_UNIT = np.array([2.3283064e-10], dtype=np.float32)
_TURN = np.array([2.3283064e-10 * 6.2831855], dtype=np.float32)


def _mulhilo(a: np.ndarray, b: np.uint64) -> tuple[np.ndarray, np.ndarray]:
    product = a.astype(np.uint64) * b
    return (product >> np.uint64(32)).astype(np.uint32), product.astype(np.uint32)


def _philox(counter: list[np.ndarray], key: tuple[int, int], rounds: int = 10) -> list[np.ndarray]:
    """Four uint32 arrays of random bits for four uint32 arrays of counters."""
    for i in range(rounds):
        k0, k1 = (np.uint32((k + i * w) & 0xFFFFFFFF) for k, w in zip(key, _WEYL, strict=True))
        hi0, lo0 = _mulhilo(counter[0], _MULTIPLIERS[0])
        hi1, lo1 = _mulhilo(counter[2], _MULTIPLIERS[1])
        counter = [hi1 ^ counter[1] ^ k0, lo1, hi0 ^ counter[3] ^ k1, lo0]
    return counter


class Generator:
    """Gives what torch.randn gives on CUDA for the same seed and the same sequence of calls."""

    def __init__(self, seed: int) -> None:
        self.seed = int(seed)
        self.offset = 0

    def randn(self, shape: tuple[int, ...]) -> np.ndarray:
        """float32 array of `shape`, standard normal."""
        n = math.prod(shape)
        zeros = np.zeros(n, dtype=np.uint32)
        counter = [zeros + np.uint32(self.offset), zeros, np.arange(n, dtype=np.uint32), zeros]
        self.offset += 1
        bits = _philox(counter, (self.seed & 0xFFFFFFFF, (self.seed >> 32) & 0xFFFFFFFF))
        u = bits[0] * _UNIT + _UNIT / 2
        v = bits[1] * _TURN + _TURN / 2
        return (np.sqrt(-2.0 * np.log(u)) * np.sin(v)).astype(np.float32).reshape(shape)
