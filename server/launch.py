"""What the editor starts: `python -P launch.py`. Lies outside the package so that nothing in it shadows the stdlib.

Takes stdout for the protocol at the descriptor, so that no print, not even one from C, can break it.
"""

import os
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent


def main() -> int:
    for path in (FOLDER.parent, FOLDER, FOLDER.parent / "bundled" / "libs"):
        if path.is_dir() and str(path) not in sys.path:
            sys.path.insert(0, str(path)) if path.name == "libs" else sys.path.append(str(path))
    protocol = os.dup(1)
    os.dup2(2, 1)
    from pymodel_server.server import run

    return run(protocol)


if __name__ == "__main__":
    sys.exit(main())
