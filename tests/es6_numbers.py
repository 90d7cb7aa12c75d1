"""The series of numbers that `testdata/README.md` of `cyberphone/json-canonicalization` describes, with the hashes it publishes.

168 chosen values, then 2,000 in a row from the smallest normal one up, then those in a chain of SHA-256 digests: each digest, of the one
before it, is four doubles of 8 bytes, little-endian; zeros, NaN and the infinities among them are left out. A line is the bits in
hexadecimal, without leading zeros, a comma, and the number as ECMAScript writes it.
"""

from __future__ import annotations

import hashlib
import itertools
import math
import struct
from collections.abc import Iterator
from typing import Final

from decision_os.canonical import rfc8785

__all__ = ["PUBLISHED", "digests"]

PUBLISHED: Final = {
    1_000: "be18b62b6f69cdab33a7e0dae0d9cfa869fda80ddc712221570f9f40a5878687",
    10_000: "b9f7a8e75ef22a835685a52ccba7f7d6bdc99e34b010992cbc5864cd12be6892",
    100_000: "22776e6d4b49fa294a0d0f349268e5c28808fe7e0cb2bcbe28f63894e494d4c7",
    1_000_000: "49415fee2c56c77864931bd3624faad425c3c577d6d74e89a83bc725506dad16",
    10_000_000: "b9f8a44a91d46813b21b9602e72f112613c91408db0b8341fb94603d9db135e0",
    100_000_000: "0f7dda6b0837dde083c5d6b896f7d62340c8a2415b0c7121d83145e08a755272",
}
"""The hash of so many lines, as published."""


# A third times powers of ten, rounded in places as the description has them.
_THIRDS: Final = (
    *(3.3333333333333335e21, 3.333333333333333e20, 3.3333333333333336e19, 3.333333333333334e18, 3.333333333333334e17),
    *(3.333333333333334e16, 3333333333333334.0, 333333333333333.4, 33333333333333.344, 3333333333333.334),
    *(333333333333.33344, 33333333333.33334, 3333333333.333334, 333333333.3333334, 33333333.333333336),
    *(3333333.3333333335, 333333.3333333333, 33333.333333333336, 3333.333333333333, 333.3333333333333),
    *(33.333333333333336, 3.3333333333333335, 0.3333333333333333, 0.03333333333333333, 0.0033333333333333335),
    *(0.0003333333333333333, 3.3333333333333335e-05, 3.3333333333333333e-06, 3.3333333333333335e-07, 3.3333333333333334e-08),
    *(3.3333333333333334e-09, 3.333333333333333e-10, 3.3333333333333335e-11, 3.333333333333333e-12, 3.3333333333333334e-13),
    *(3.3333333333333334e-14, 3.3333333333333332e-15, 3.333333333333333e-16, 3.3333333333333335e-17, 3.3333333333333333e-18),
    *(3.3333333333333334e-19, 3.333333333333333e-20, 3.3333333333333333e-21, 3.333333333333333e-22, 3.3333333333333333e-23),
    *(3.3333333333333334e-24, 3.3333333333333335e-25, 3.333333333333333e-26, 3.333333333333333e-27, 3.3333333333333338e-28),
)
_TINY: Final = struct.unpack(">d", bytes.fromhex("0010000000000000"))[0]  # the smallest normal number, 2⁻¹⁰²²

_CHOSEN: Final = (
    *(0.0, -0.0, 5e-324, -5e-324),
    *(-third for third in _THIRDS),
    *_THIRDS,
    *(10.0, 5.0, 0.5, 0.05, 0.005, 0.0005, 5e-05, 5e-06, 5e-07, 5e-08, 5e-09),
    *(float(f"5.{'0' * zeros}6e-6") for zeros in range(1, 15)),
    *(5e-06, 1.0, -1.0, -0.9999999999999993, -0.9999999999999994, 0.9999999999999993, 0.9999999999999994, 0.9999999999999996, 0.9999999999999998),
    *(-0.9999999999999999, -0.9999999999999999, 0.9999999999999999, 0.9999999999999999, 0.29999999999999993, 0.3, 0.30000000000000004),
    *(_TINY, 2.2250738585072e-308, 2.225073858507201e-308, 1.7976931348623157e308, -1.7976931348623157e308, 2.0**53, -(2.0**53), 2.0**68),
    *(9.999999999999997e22, 1e23, 1.0000000000000001e23, 9.999999999999997e20, 9.999999999999999e20, 1e21, 9.999999999999997e-07, 1e-06),
    *(333333333.3333332, 333333333.33333325, 333333333.3333333, 333333333.3333334, 333333333.33333343, -3.3333333333333333e-06, 1424953923781206.2),
)


def _numbers() -> Iterator[float]:
    yield from _CHOSEN
    first = 0x0010_0000_0000_0000
    yield from (struct.unpack("<d", (first + step).to_bytes(8, "little"))[0] for step in range(2000))
    digest = bytes(32)
    while True:
        digest = hashlib.sha256(digest).digest()
        yield from (number for number in struct.unpack("<4d", digest) if number and math.isfinite(number))


def _lines(numbers: Iterator[float]) -> Iterator[bytes]:
    return (b"%x,%b\n" % (int.from_bytes(struct.pack(">d", number)), rfc8785(number)) for number in numbers)


def digests(upto: int) -> Iterator[tuple[int, str]]:
    """The hash of each published number of lines up to `upto`, as our own writing of numbers gives it."""
    lines, done, digest = _lines(_numbers()), 0, hashlib.sha256()
    for count in PUBLISHED:
        if count <= upto:
            for block in iter(lambda: b"".join(itertools.islice(lines, min(10_000, count - done))), b""):  # noqa: B023  # used up at once
                digest.update(block)
                done += block.count(b"\n")
            yield count, digest.hexdigest()
