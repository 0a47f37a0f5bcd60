"""`python -m pymodel_server`: the server on stdin and stdout."""

from __future__ import annotations

import os
import sys

from .server import run


def main() -> int:
    protocol = os.dup(1)
    os.dup2(2, 1)
    return run(protocol)


if __name__ == "__main__":
    sys.exit(main())
