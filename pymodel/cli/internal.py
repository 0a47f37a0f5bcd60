"""Commands that other processes of PyModel call: worker, job, probe, create-sample, and the server, lsp."""

from __future__ import annotations

import argparse
import json
import runpy
import sys
from pathlib import Path
from typing import Any

from .output import FAILED, FINE

LAUNCHER = Path(__file__).resolve().parent.parent.parent / "server" / "launch.py"


def add_commands(commands: Any) -> None:
    worker = commands.add_parser("worker")
    worker.add_argument("--mode", choices=("fork", "persistent"), default="fork")
    worker.set_defaults(run=run_worker_command)
    job = commands.add_parser("job")
    job.add_argument("folder", type=Path)
    job.set_defaults(run=run_job)
    commands.add_parser("probe").set_defaults(run=run_probe)
    sample = commands.add_parser("create-sample", help="write the sample project into a folder")
    sample.add_argument("folder", type=Path)
    sample.set_defaults(run=run_create_sample)
    commands.add_parser("lsp", help="the language server on stdin and stdout").set_defaults(run=run_lsp)


def run_worker_command(options: argparse.Namespace) -> int:
    from ..worker.process import run_worker

    return run_worker(options.mode)


def run_job(options: argparse.Namespace) -> int:
    from ..runs import read_run

    kind = read_run(options.folder).kind
    if kind == "export":
        from ..export.job import run_export_job

        return run_export_job(options.folder)
    if kind == "explain":
        from ..explain.job import run_explain_job

        return run_explain_job(options.folder)
    from ..train.job import run_train_job

    return run_train_job(options.folder)


def run_probe(options: argparse.Namespace) -> int:
    from ..worker.probe import probe_interpreter

    found = probe_interpreter()
    print(json.dumps(found))
    return FAILED if found["error"] else FINE


def run_create_sample(options: argparse.Namespace) -> int:
    from ..samples import create_sample_project

    for path in create_sample_project(options.folder):
        print(path)
    return FINE


def run_lsp(options: argparse.Namespace) -> int:
    if LAUNCHER.is_file():
        sys.argv = [str(LAUNCHER)]
        runpy.run_path(str(LAUNCHER), run_name="__main__")
        return FINE
    module = __import__("pymodel_server.__main__", fromlist=["main"])
    return int(module.main() or FINE)
