"""The libraries of the corpus: for each, its models and the inputs that they are made for."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from .cases import Arguments, Case, Group, floats, whole
from .hugging_face import transformers_groups
from .readme import readme_groups


@dataclass(frozen=True)
class Library:
    """`module` is imported once; every group of models runs in a fork of that process."""

    name: str
    module: str
    groups: Callable[[], Iterator[Group]]


def _one(name: str, make: Callable[[], Any], arguments: Callable[[nn.Module, dict[str, int]], Arguments]) -> Group:
    return Group(name, lambda: iter([Case(name, make, arguments)]))


# timm: the first and the last architecture of each module, at the size that its weights are for.


def _timm_groups() -> Iterator[Group]:
    import timm

    for module in timm.list_modules():
        names = sorted(timm.list_models(module=module))
        for name in dict.fromkeys((*names[:1], *names[-1:])):
            yield _timm_group(name)


def _timm_group(name: str) -> Group:
    import timm
    from timm.models import get_pretrained_cfg

    def arguments(model: nn.Module, binding: dict[str, int]) -> Arguments:
        config = getattr(model, "default_cfg", None) or get_pretrained_cfg(name).to_dict()
        if name.startswith(("naflexvit", "test_naflexvit")):
            return (floats(binding["B"], 3, 256, 256),), {}
        return (floats(binding["B"], *config["input_size"]),), {}

    return _one(name, lambda: timm.create_model(name), arguments)


# segmentation-models-pytorch: every architecture on three kinds of encoder.

ENCODERS = ("resnet34", "mobilenet_v2", "mit_b0")


def _segmentation_groups() -> Iterator[Group]:
    import segmentation_models_pytorch as smp

    def images(_: nn.Module, binding: dict[str, int]) -> Arguments:
        return (floats(binding["B"], 3, 128, 128),), {}

    names = [name for name in dir(smp) if inspect.isclass(getattr(smp, name)) and name != "DPT"]
    for name in names:
        for encoder in ENCODERS:
            make = getattr(smp, name)
            if encoder.startswith("mit") and name in ("UnetPlusPlus", "Linknet", "DeepLabV3", "DeepLabV3Plus", "PAN"):
                continue  # refused by the library itself
            yield _one(f"{name}-{encoder}", lambda make=make, e=encoder: make(e, encoder_weights=None), images)  # type: ignore[misc]

    def vit_images(_: nn.Module, binding: dict[str, int]) -> Arguments:
        return (floats(binding["B"], 3, 224, 224),), {}

    encoder = "tu-vit_base_patch16_224.augreg_in21k"
    yield _one("DPT-vit", lambda: smp.DPT(encoder, encoder_weights=None), vit_images)


# torch_geometric: models and convolutions on a graph of N nodes with E edges.

GRAPH = {"N": 10, "E": 24}
_GRAPH_MODELS: dict[str, tuple[Any, ...]] = {
    **dict.fromkeys(("GCN", "GAT", "GIN", "GraphSAGE", "EdgeCNN"), (16, 32, 2, 7)),
    "GraphUNet": (16, 32, 7, 3),
    "PMLP": (16, 32, 7, 2),
    "MLP": ([16, 32, 7],),
}
_CONVOLUTIONS: dict[str, tuple[Any, ...]] = {
    **dict.fromkeys(
        (
            *("ARMAConv", "ClusterGCNConv", "EGConv", "FeaStConv", "FiLMConv", "FusedGATConv", "GATConv", "GATv2Conv"),
            *("GCNConv", "GENConv", "GraphConv", "LEConv", "MFConv", "ResGatedGraphConv", "SAGEConv", "SGConv"),
            *("SuperGATConv", "TAGConv", "TransformerConv", "GeneralConv", "HypergraphConv", "MixHopConv"),
        ),
        (16, 32),
    ),
    "ChebConv": (16, 32, 3),
    "SSGConv": (16, 32, 0.1),
    "PANConv": (16, 32, 2),
    "GatedGraphConv": (32, 3),
    "APPNP": (3, 0.1),
    **dict.fromkeys(("AGNNConv", "LGConv", "SimpleConv"), ()),
    **dict.fromkeys(("AntiSymmetricConv", "CGConv"), (16,)),
    "GravNetConv": (16, 32, 4, 8, 4),
}


def _graph_groups() -> Iterator[Group]:
    from torch_geometric import nn as geometric

    def graph(_: nn.Module, binding: dict[str, int]) -> Arguments:
        return (floats(binding["N"], 16), whole(2, binding["E"])), {}

    def nodes(_: nn.Module, binding: dict[str, int]) -> Arguments:
        return (floats(binding["N"], 16),), {}

    for name, values in (*_GRAPH_MODELS.items(), *_CONVOLUTIONS.items()):
        arguments = nodes if name in ("MLP", "GravNetConv") else graph
        yield _graph_group(name, lambda name=name, values=values: getattr(geometric, name)(*values), arguments)  # type: ignore[misc]
    mlp = nn.Sequential
    for name, make in (
        ("GINConv", lambda: geometric.GINConv(mlp(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 32)))),
        ("EdgeConv", lambda: geometric.EdgeConv(mlp(nn.Linear(32, 32), nn.ReLU()))),
        ("PNAConv", lambda: geometric.PNAConv(16, 32, ["mean", "max", "std"], ["identity"], torch.ones(10))),
        ("GPSConv", lambda: geometric.GPSConv(16, geometric.GCNConv(16, 16), heads=4)),
    ):
        yield _graph_group(name, make, graph)

    def molecule(_: nn.Module, binding: dict[str, int]) -> Arguments:
        return (whole(binding["N"]), floats(binding["N"], 3)), {}

    def pooled(_: nn.Module, binding: dict[str, int]) -> Arguments:
        edges = whole(2, binding["E"])
        return (floats(binding["N"], 16), edges, floats(binding["E"], 4), whole(binding["N"])), {}

    yield _graph_group("SchNet", lambda: geometric.SchNet(), molecule)
    yield _graph_group("DimeNetPlusPlus", lambda: geometric.DimeNetPlusPlus(64, 1, 2, 32, 8, 64, 7, 6), molecule)
    yield _graph_group("ViSNet", lambda: geometric.models.ViSNet(num_layers=2), _molecules)
    yield _graph_group("AttentiveFP", lambda: geometric.AttentiveFP(16, 32, 1, 4, 2, 2), pooled)


def _molecules(_: nn.Module, binding: dict[str, int]) -> Arguments:
    return (whole(binding["N"]), floats(binding["N"], 3), whole(binding["N"])), {}


def _graph_group(
    name: str, make: Callable[[], Any], arguments: Callable[[nn.Module, dict[str, int]], Arguments]
) -> Group:
    return Group(name, lambda: iter([Case(name, make, arguments, GRAPH)]))


# diffusers: models of each kind, by what their `forward` takes.


def _diffusers_groups() -> Iterator[Group]:
    def make(name: str, **values: Any) -> Callable[[], Any]:
        return lambda: getattr(importlib.import_module("diffusers"), name)(**values)

    def images(size: int, channels: int = 3, *more: Callable[[int], torch.Tensor]) -> Callable[..., Arguments]:
        return lambda _, at: ((floats(at["B"], channels, size, size), *(each(at["B"]) for each in more)), {})

    def time(batch: int) -> torch.Tensor:
        return floats(batch)

    def text(width: int) -> Callable[[int], torch.Tensor]:
        return lambda batch: floats(batch, 77, width)

    for name in ("AutoencoderKL", "AsymmetricAutoencoderKL", "AutoencoderTiny", "VQModel"):
        yield _one(name, make(name), images(64))
    yield _one("AutoencoderDC", make("AutoencoderDC"), images(64))
    yield _one("UNet2DModel", make("UNet2DModel", sample_size=32), images(32, 3, time))
    yield _one("UNet1DModel", make("UNet1DModel"), lambda _, at: ((floats(at["B"], 2, 1024), floats(at["B"])), {}))
    yield _one("UNet2DConditionModel", make("UNet2DConditionModel"), images(64, 4, time, text(1280)))
    yield _one("UNet3DConditionModel", make("UNet3DConditionModel"), _video_unet)
    yield _one("ControlNetModel", make("ControlNetModel"), _control_net)
    yield _one("Transformer2DModel", make("Transformer2DModel", in_channels=32), images(16, 32))
    yield _one("DiTTransformer2DModel", make("DiTTransformer2DModel", num_layers=2), _dit)
    yield _one("PixArtTransformer2DModel", make("PixArtTransformer2DModel", num_layers=2, sample_size=32), _pixart)
    yield _one("SD3Transformer2DModel", make("SD3Transformer2DModel", num_layers=2), _sd3)
    yield _one("FluxTransformer2DModel", make("FluxTransformer2DModel", num_layers=2, num_single_layers=2), _flux)
    yield _one("AuraFlowTransformer2DModel", make("AuraFlowTransformer2DModel", num_mmdit_layers=1), _aura_flow)
    yield _one("SanaTransformer2DModel", make("SanaTransformer2DModel", num_layers=2), _sana)
    yield _one("PriorTransformer", make("PriorTransformer", num_layers=2), _prior)
    yield _one("CogVideoXTransformer3DModel", make("CogVideoXTransformer3DModel", num_layers=2), _cog_video)
    yield _one("WanTransformer3DModel", make("WanTransformer3DModel", num_layers=2), _wan)
    yield _one("UVit2DModel", make("UVit2DModel", num_hidden_layers=2), _uvit)
    yield _one("AutoencoderKLWan", make("AutoencoderKLWan"), lambda _, at: ((floats(at["B"], 3, 5, 64, 64),), {}))
    yield _one("AutoencoderOobleck", make("AutoencoderOobleck"), lambda _, at: ((floats(at["B"], 2, 8192),), {}))
    yield _one("AutoencoderKLTemporalDecoder", make("AutoencoderKLTemporalDecoder"), _temporal)


def _video_unet(_: nn.Module, at: dict[str, int]) -> Arguments:
    return (floats(at["B"], 4, 4, 32, 32), floats(at["B"]), floats(at["B"], 77, 1024)), {}


def _control_net(_: nn.Module, at: dict[str, int]) -> Arguments:
    latent, condition = floats(at["B"], 4, 64, 64), floats(at["B"], 3, 512, 512)
    return (latent, floats(at["B"]), floats(at["B"], 77, 1280), condition), {}


def _dit(_: nn.Module, at: dict[str, int]) -> Arguments:
    return (floats(at["B"], 4, 32, 32), whole(at["B"]), whole(at["B"])), {}


def _pixart(_: nn.Module, at: dict[str, int]) -> Arguments:
    text, time = floats(at["B"], 77, 1152), whole(at["B"])
    sizes = {"resolution": None, "aspect_ratio": None}
    return (floats(at["B"], 4, 32, 32), text, time), {"added_cond_kwargs": sizes}


def _sd3(_: nn.Module, at: dict[str, int]) -> Arguments:
    return (floats(at["B"], 16, 64, 64), floats(at["B"], 77, 4096), floats(at["B"], 2048), whole(at["B"])), {}


def _flux(_: nn.Module, at: dict[str, int]) -> Arguments:
    known = {"timestep": floats(at["B"]), "img_ids": floats(64, 3), "txt_ids": floats(77, 3)}
    text = {"encoder_hidden_states": floats(at["B"], 77, 4096), "pooled_projections": floats(at["B"], 768)}
    return (floats(at["B"], 64, 64),), known | text


def _aura_flow(_: nn.Module, at: dict[str, int]) -> Arguments:
    return (floats(at["B"], 4, 64, 64), floats(at["B"], 77, 2048), floats(at["B"])), {}


def _sana(_: nn.Module, at: dict[str, int]) -> Arguments:
    return (floats(at["B"], 32, 32, 32), floats(at["B"], 77, 2304), floats(at["B"])), {}


def _prior(_: nn.Module, at: dict[str, int]) -> Arguments:
    return (floats(at["B"], 768), whole(at["B"]), floats(at["B"], 768), floats(at["B"], 77, 768)), {}


def _cog_video(_: nn.Module, at: dict[str, int]) -> Arguments:
    return (floats(at["B"], 4, 16, 60, 90), floats(at["B"], 226, 4096), whole(at["B"])), {}


def _wan(_: nn.Module, at: dict[str, int]) -> Arguments:
    return (floats(at["B"], 16, 4, 32, 32), whole(at["B"]), floats(at["B"], 77, 4096)), {}


def _uvit(_: nn.Module, at: dict[str, int]) -> Arguments:
    tokens, text = whole(at["B"], 16, 16), floats(at["B"], 77, 768)
    return (tokens, text, floats(at["B"], 768), floats(at["B"], 5)), {}


def _temporal(_: nn.Module, at: dict[str, int]) -> Arguments:
    return (floats(4 * at["B"], 3, 64, 64),), {"num_frames": 4}


LIBRARIES = (
    Library("vit-pytorch", "vit_pytorch", lambda: readme_groups("vit-pytorch")),
    Library("x-transformers", "x_transformers", lambda: readme_groups("x-transformers")),
    Library(
        "denoising-diffusion-pytorch",
        "denoising_diffusion_pytorch",
        lambda: readme_groups("denoising-diffusion-pytorch"),
    ),
    Library("timm", "timm", _timm_groups),
    Library("segmentation-models-pytorch", "segmentation_models_pytorch", _segmentation_groups),
    Library("torch-geometric", "torch_geometric.nn", _graph_groups),
    Library("diffusers", "diffusers", _diffusers_groups),
    Library("transformers", "transformers.modeling_layers", transformers_groups),
)
