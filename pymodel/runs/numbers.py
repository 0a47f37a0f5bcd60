"""Numbers as JSON can hold them."""

from __future__ import annotations

import math

from ..schema import Number


def to_number(value: float) -> Number:
    """A metric as JSON can hold it: `nan`, `inf` and `-inf` become strings."""
    return value if math.isfinite(value) else "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
