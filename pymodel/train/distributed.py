"""Several processes of torchrun: DDP, or FSDP2 with the state gathered by torch.distributed.checkpoint.

Each takes its share of every batch, so that the batch is what one process would have had.
"""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, NoReturn

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.checkpoint.state_dict import StateDictOptions, get_state_dict, set_state_dict
from torch.nn.parallel import DistributedDataParallel

from ..schema import DistributionSettings

WHOLE = StateDictOptions(full_state_dict=True, cpu_offload=True)
BROADCAST = StateDictOptions(full_state_dict=True)


def torchrun_command(settings: DistributionSettings, command: list[str]) -> list[str]:
    """The command that starts `command` (a script and its arguments) in all processes of this machine."""
    place = (
        ["--standalone"]
        if settings.nodes == 1
        else [f"--nnodes={settings.nodes}", f"--rdzv-endpoint={settings.rendezvous}", "--rdzv-backend=c10d"]
    )
    launcher = [sys.executable, "-P", "-m", "torch.distributed.run"]
    return [*launcher, *place, f"--nproc-per-node={settings.processes}", *command]


def launch(settings: DistributionSettings, main: Path, folder: Path) -> int:
    """Run the job of `folder` in all processes, and wait for them. Gives the exit code."""
    return subprocess.run(torchrun_command(settings, [str(main), "job", str(folder)]), check=False).returncode


class Torchrun:
    """The processes that torchrun has started, this one being one of them."""

    def __init__(self, strategy: str) -> None:
        self.strategy = strategy
        if not dist.is_initialized():
            dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
        if torch.cuda.is_available():
            torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))

    @staticmethod
    def is_inside() -> bool:
        """Whether torchrun has started this process."""
        return "TORCHELASTIC_RUN_ID" in os.environ

    def end(self) -> None:
        dist.destroy_process_group()

    def leave(self, code: int) -> NoReturn:
        """End this process now that all is written. While the interpreter is taken down, a thread of torch's that still
        runs may abort it (FSDP2 on gloo does so now and then), and torchrun would take the run for failed."""
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)

    @property
    def count(self) -> int:
        return dist.get_world_size()

    @property
    def rank(self) -> int:
        return dist.get_rank()

    @property
    def is_first(self) -> bool:
        return self.rank == 0

    def shard(self, model: nn.Module) -> nn.Module:
        """FSDP2 cuts the parameters themselves, so the optimizer comes after it."""
        if self.strategy == "fsdp2":
            from torch.distributed.device_mesh import init_device_mesh
            from torch.distributed.fsdp import fully_shard

            device = next(model.parameters()).device.type
            fully_shard(model, mesh=init_device_mesh(device, (self.count,)))
        return model

    def wrap(self, model: nn.Module) -> nn.Module:
        return DistributedDataParallel(model) if self.strategy == "ddp" else model

    def accumulate(self, module: nn.Module, goes_on: bool) -> AbstractContextManager[Any]:
        if isinstance(module, DistributedDataParallel):
            return module.no_sync() if goes_on else nullcontext()
        module.set_requires_gradient_sync(not goes_on)  # type: ignore[operator]
        return nullcontext()

    def any_of(self, flag: bool) -> bool:
        found = torch.tensor(int(flag), device="cuda" if torch.cuda.is_available() else "cpu")
        dist.all_reduce(found, dist.ReduceOp.MAX)
        return bool(found)

    def wait(self) -> None:
        dist.barrier()

    def mean(self, value: Tensor) -> Tensor:
        mean = value.clone()
        dist.all_reduce(mean)
        return mean / self.count

    def gather(self, model: nn.Module, optimizer: torch.optim.Optimizer) -> tuple[dict[str, Tensor], dict[str, Any]]:
        weights, state = get_state_dict(model, optimizer, options=WHOLE)
        return weights, state  # type: ignore[return-value]

    def load(
        self,
        model: nn.Module,
        weights: dict[str, Tensor],
        optimizer: torch.optim.Optimizer | None = None,
        state: dict[str, Any] | None = None,
    ) -> None:
        set_state_dict(
            model,
            () if optimizer is None else optimizer,
            model_state_dict=dict(weights),
            optim_state_dict=state or {},
            options=BROADCAST,
        )
