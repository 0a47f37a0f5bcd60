"""What the editor starts: `python -P launch.py`. Lies outside the package so that nothing in it shadows the stdlib.

Takes stdout for the protocol at the descriptor, so that no print, not even one from C, can break it.
"""

import os
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent


def main() -> int:
    # In front: another PyModel that the interpreter has installed is not the one that the editor starts.
    paths = (FOLDER.parent / "bundled" / "libs", FOLDER.parent, FOLDER)
    sys.path[:0] = [str(path) for path in paths if path.is_dir()]
    protocol = os.dup(1)
    os.dup2(2, 1)
    from pymodel_server.server import run

    return run(protocol)


if __name__ == "__main__":
    sys.exit(main())
