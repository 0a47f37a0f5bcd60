"""`python -P -m pymodel`, or this file by its path: works from any folder, whatever that folder holds."""

import sys
from pathlib import Path

# Run by its path with -P, nothing of ours is importable yet. Last in line: no file of ours shadows another package.
ROOT = str(Path(__file__).resolve().parent.parent)
if ROOT not in sys.path:
    sys.path.append(ROOT)

from pymodel.cli import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
