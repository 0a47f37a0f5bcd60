"""The environment that workers get: enough to run Python and find libraries, and no secrets."""

from __future__ import annotations

from collections.abc import Mapping

ALLOWED = frozenset(
    (
        *("PATH", "HOME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TEMP", "TMP", "USER", "LOGNAME", "SHELL"),
        *("VIRTUAL_ENV", "SYSTEMROOT", "WINDIR", "USERPROFILE", "APPDATA", "LOCALAPPDATA", "LD_LIBRARY_PATH"),
        *("DYLD_LIBRARY_PATH", "PYTHONPATH", "PYMODEL_ANALYSIS_SECONDS"),
    )
)
ALLOWED_PREFIXES = ("LC_", "CONDA_", "XDG_")
THREADS = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def worker_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """What a worker may see of `environment`, with one thread, no GPU, UTF-8 and no bytecode written."""
    kept = {
        name: value
        for name, value in environment.items()
        if name.upper() in ALLOWED or name.upper().startswith(ALLOWED_PREFIXES)
    }
    fixed = {"CUDA_VISIBLE_DEVICES": "", "PYTHONUTF8": "1", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1"}
    return {**kept, **THREADS, **fixed}
