"""Buckets: shares of customers by arithmetic that any reader can redo (semantics 22)."""

from __future__ import annotations

import hashlib
from decimal import ROUND_CEILING, Decimal
from functools import cache

PRIME = 2_147_483_647
BUCKETS = 10_000


def _hash(text: str) -> int:
    return int(hashlib.sha256(text.encode()).hexdigest()[:8], 16)


def customer_base(external_id: str) -> int:
    """Return the number a customer's buckets are computed from."""
    return _hash(external_id) % PRIME


@cache
def bucket_factors(seed: str) -> tuple[int, int, int]:
    """Return (A, B, p): ``bucket = ((A * base + B) mod p) mod 10000``."""
    return 1 + _hash(f"a:{seed}") % (PRIME - 1), _hash(f"b:{seed}") % PRIME, PRIME


def bucket(seed: str, base: int) -> int:
    """Return the bucket, 0 to 9999, that a seed gives a customer's base."""
    factor, offset, prime = bucket_factors(seed)
    return (factor * base + offset) % prime % BUCKETS


def share_bound(share: Decimal) -> int:
    """Return the first bucket outside a share: in when ``bucket < share * 10000``."""
    return int((share * BUCKETS).to_integral_value(ROUND_CEILING))
