"""Architectures of our own that are exported and proven: one of each kind that people write."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 (the name that everybody uses)


class Mlp(nn.Sequential):
    def __init__(self) -> None:
        super().__init__(nn.Linear(20, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Dropout(), nn.Linear(64, 3))


class UNet(nn.Module):
    """Two levels, with skips; any height and width that 4 divides."""

    def __init__(self, width: int = 8) -> None:
        super().__init__()
        self.down = nn.ModuleList([_double(3, width), _double(width, 2 * width)])
        self.middle = _double(2 * width, 4 * width)
        self.up = nn.ModuleList([_double(6 * width, 2 * width), _double(3 * width, width)])
        self.head = nn.Conv2d(width, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        skips = []
        for block in self.down:
            x = block(x)
            skips.append(x)
            x = F.max_pool2d(x, 2)
        x = self.middle(x)
        for block in self.up:
            x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
            x = block(torch.cat((x, skips.pop()), 1))
        return self.head(x)


def _double(before: int, after: int) -> nn.Sequential:
    first, second = (nn.Conv2d(each, after, 3, padding=1) for each in (before, after))
    return nn.Sequential(first, nn.BatchNorm2d(after), nn.ReLU(), second, nn.BatchNorm2d(after), nn.ReLU())


class TemporalConv(nn.Module):
    """Dilated causal convolutions over a series of any length."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.first = nn.Conv1d(4, width, 1)
        self.layers = nn.ModuleList(nn.Conv1d(width, width, 3, dilation=2**n) for n in range(3))
        self.head = nn.Linear(width, 1)

    def forward(self, series: Tensor) -> Tensor:
        x = self.first(series.transpose(1, 2))
        for layer in self.layers:
            x = x + F.gelu(layer(F.pad(x, (2 * layer.dilation[0], 0))))
        return self.head(x.transpose(1, 2)).squeeze(-1)


class Recurrent(nn.Module):
    def __init__(self, kind: str = "GRU") -> None:
        super().__init__()
        self.embed = nn.Embedding(100, 16)
        self.layers = getattr(nn, kind)(16, 24, num_layers=2, bidirectional=True, batch_first=True)
        self.head = nn.Linear(48, 5)

    def forward(self, ids: Tensor) -> Tensor:
        states, _ = self.layers(self.embed(ids))
        return self.head(states.mean(1))


class Encoder(nn.Module):
    """torch's own transformer layers, with a mask of padding."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(100, 32)
        self.layers = nn.TransformerEncoder(nn.TransformerEncoderLayer(32, 4, 64, batch_first=True), 2)
        self.head = nn.Linear(32, 100)

    def forward(self, ids: Tensor) -> Tensor:
        return self.head(self.layers(self.embed(ids), src_key_padding_mask=ids == 0))


class GraphAttention(nn.Module):
    """Attention among the nodes of a graph, whose edges are a matrix."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.project, self.score = nn.Linear(8, width), nn.Linear(2 * width, 1)

    def forward(self, nodes: Tensor, edges: Tensor) -> dict[str, Tensor]:
        h = self.project(nodes)
        count = h.shape[1]
        pairs = torch.cat((h[:, :, None].expand(-1, -1, count, -1), h[:, None].expand(-1, count, -1, -1)), -1)
        scores = F.leaky_relu(self.score(pairs).squeeze(-1)).masked_fill(~edges, -1e9)
        weights = scores.softmax(-1)
        return {"nodes": weights @ h, "graph": (weights @ h).amax(1)}


class Autoencoder(nn.Module):
    """Its latent is drawn in training only."""

    def __init__(self) -> None:
        super().__init__()
        self.encode = nn.Sequential(
            nn.Conv2d(1, 8, 4, 2, 1), nn.SiLU(), nn.Conv2d(8, 16, 4, 2, 1), nn.SiLU(), nn.Flatten()
        )
        self.mean, self.spread = nn.Linear(16 * 49, 8), nn.Linear(16 * 49, 8)
        self.widen = nn.Linear(8, 16 * 49)
        self.decode = nn.Sequential(nn.ConvTranspose2d(16, 8, 4, 2, 1), nn.SiLU(), nn.ConvTranspose2d(8, 1, 4, 2, 1))

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        h = self.encode(image)
        mean, spread = self.mean(h), self.spread(h)
        latent = mean + torch.randn_like(mean) * spread.exp() if self.training else mean
        return self.decode(self.widen(latent).unflatten(1, (16, 7, 7))), mean, spread


class Mixture(nn.Module):
    """Of experts: each token goes to the best two, all experts computed and weighted."""

    def __init__(self, experts: int = 4) -> None:
        super().__init__()
        self.route = nn.Linear(16, experts)
        self.up, self.down = (
            nn.Parameter(torch.randn(experts, 16, 32) / 4),
            nn.Parameter(torch.randn(experts, 32, 16) / 6),
        )

    def forward(self, x: Tensor) -> Tensor:
        best, which = self.route(x).topk(2, -1)
        weights = torch.zeros_like(self.route(x)).scatter(-1, which, best.softmax(-1))
        each = torch.einsum("btd,edh->bteh", x, self.up).relu()
        return torch.einsum("bteh,ehd,bte->btd", each, self.down, weights)


class Detector(nn.Module):
    """Boxes of a grid, decoded with arithmetic on their places."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.SiLU(), nn.Conv2d(8, 16, 3, 2, 1), nn.SiLU())
        self.head = nn.Conv2d(16, 6, 1)

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        out = self.head(self.body(image))
        rows = torch.arange(out.shape[2], device=out.device)[:, None].expand(out.shape[2:])
        columns = torch.arange(out.shape[3], device=out.device).expand(out.shape[2:])
        places = torch.stack((columns, rows)).to(out.dtype)
        centres = (out[:, :2].sigmoid() + places) * 4
        boxes = torch.cat((centres, out[:, 2:4].exp()), 1).flatten(2).transpose(1, 2)
        return {"boxes": boxes, "scores": out[:, 4:].sigmoid().flatten(2).transpose(1, 2)}
