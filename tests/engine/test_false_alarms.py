"""Code that works, and that something was told of once, or that ended an analysis: nothing is told of it as a fault."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from pymodel.schema import Analyse, Diagnostic, Event, Started, Traced
from pymodel.worker.analyse import analyse

HEAD = "import torch\nfrom torch import nn\nfrom torch.nn import functional as F\n\n\n"
CASES = {
    "the largest of the samples' places in a graph is a size": """
class Readout(nn.Module):
    def forward(self, nodes, batch):
        places = batch.unsqueeze(1).repeat(1, nodes.shape[1])
        count = batch.max().int() + 1
        return torch.zeros(count, nodes.shape[1]).scatter_reduce_(0, places, nodes, reduce="sum", include_self=False)
""",
    "weights that come with the code": """
from pathlib import Path

class Pretrained(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(300, 40)
        self.fc.load_state_dict(torch.load(Path(__file__).parent / "weights.pt"))

    def forward(self, x):
        return self.fc(x)
""",
    "weights averaged where no gradient is kept": """
@torch.no_grad()
def update_average(target, source):
    for mine, other in zip(target.parameters(), source.parameters()):
        mine.mul_(0.9).add_(other, alpha=0.1)

model, average = nn.Linear(8, 1), nn.Linear(8, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for step in range(10):
    loss = F.mse_loss(model(torch.randn(4, 8)), torch.randn(4, 1))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    update_average(average, model)
""",
    "a constructor that refuses to be given nothing": """
class Blocks(nn.Module):
    def __init__(self, sizes=None):
        super().__init__()
        assert isinstance(sizes, list), "sizes should be a list"
        self.layers = nn.Sequential(*(nn.Linear(a, b) for a, b in sizes))

    def forward(self, x):
        return self.layers(x)
""",
    "a sparse buffer": """
class Aligned(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(6, 4)
        heads = torch.zeros(3, 4, dtype=torch.bool)
        heads[1] = True
        self.register_buffer("heads", heads.to_sparse(), persistent=False)

    def forward(self, x):
        return self.fc(x)
""",
    "a layer without sizes that is initialised all the same": """
class Regression(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.LazyLinear(1)
        self.net.weight.data.normal_(0, 0.01)
        self.scale = torch.ones(1, requires_grad=True) * 2

    def forward(self, x):
        return self.net(x)
""",
    "a target that knows how large the images are": """
from torch.utils.data import DataLoader
from somewhere import Photographs

class Critic(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.output_shape = (1, size // 4, size // 4)
        self.layers = nn.Sequential(nn.Conv2d(3, 8, 4, 2, 1), nn.Conv2d(8, 1, 4, 2, 1))

    def forward(self, x):
        return self.layers(x)

critic = Critic(256)
optimizer = torch.optim.Adam(critic.parameters())
for batch in DataLoader(Photographs("images"), batch_size=4):
    image = batch["image"]
    wanted = torch.ones(image.size(0), *critic.output_shape)
    loss = F.mse_loss(critic(image), wanted)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
""",
    "rows that a model also takes as pixels": """
from torch.utils.data import DataLoader
from somewhere import Photographs

class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(8, 32)

    def forward(self, style):
        return self.fc(style.view(style.size(0), -1))

class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x):
        return self.conv(x).mean((2, 3), keepdim=True)

encoder, decoder = Encoder(), Decoder()
optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()])
for image in DataLoader(Photographs("images"), batch_size=4):
    style = torch.randn(image.size(0), 8, 1, 1, device=somewhere.device)
    made = decoder(style)
    loss = F.l1_loss(encoder(image), style) + made.mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
""",
    "a batch that is as large as the number says": """
from torch.utils.data import DataLoader
from somewhere import Photographs

BATCH = 128
model = nn.Linear(784, 784)
optimizer = torch.optim.Adam(model.parameters())
for image in DataLoader(Photographs("images"), batch_size=BATCH, drop_last=True):
    made = model(image)
    loss = F.mse_loss(made, image)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    shown = made.view(BATCH, 1, 28, 28)
""",
    "an evaluation of a model that does nothing else in training": """
from torch.utils.data import DataLoader
from somewhere import Photographs

model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Flatten(), nn.LazyLinear(10))
optimizer = torch.optim.Adam(model.parameters())
train_loader, test_loader = DataLoader(Photographs("train")), DataLoader(Photographs("test"))

def train():
    for image, label in train_loader:
        loss = F.cross_entropy(model(image), label)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

def test():
    with torch.no_grad():
        return sum(F.cross_entropy(model(image), label).item() for _ in range(1) for image, label in test_loader)

def test_all():
    total = 0
    with torch.no_grad():
        for image, label in test_loader:
            total += F.cross_entropy(model(image), label).item()
    return total

for epoch in range(3):
    train()
    print(test(), test_all())
""",
    "a tensor that is brought along where it is first needed": """
class Shifted(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(11, 3)
        self.most = torch.tensor([25.0])

    def forward(self, x):
        self.most = self.most.to(x.device)
        return torch.minimum(self.fc(x), self.most)
""",
    "an embedding that is fixed where somebody says so": """
class Fixed(nn.Module):
    def __init__(self, fixed=True):
        super().__init__()
        self.embed, self.fc, self.fixed = nn.Embedding(100, 8), nn.Linear(8, 2), fixed

    def forward(self, tokens):
        x = self.embed(tokens)
        if self.fixed:
            x = x.detach()
        return self.fc(x)
""",
    "a row of scores for each token": """
class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(12, 7)

    def forward(self, x):
        scores = self.fc(x)
        return scores.view(-1, scores.size(-1))

tagger = Tagger()
print(tagger(torch.randn(2, 5, 12)).shape)
""",
    "a number that has an optimizer of its own": """
class Actor(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 2)
        self.log_alpha = torch.tensor(0.1)
        self.log_alpha.requires_grad = True
        self.log_alpha_optimizer = torch.optim.Adam([self.log_alpha], lr=0.1)

    def forward(self, x):
        return self.fc(x) * self.log_alpha.exp()
""",
    "settings and anchors that somebody has to give": """
import yaml

class Detect(nn.Module):
    def __init__(self, classes=80, anchors=(), channels=()):
        super().__init__()
        self.count = len(anchors[0]) // 2
        self.heads = nn.ModuleList(nn.Conv2d(width, self.count * classes, 1) for width in channels)

    def forward(self, x):
        return [head(each) for head, each in zip(self.heads, x)]

class Detector(nn.Module):
    def __init__(self, settings="detector.yaml"):
        super().__init__()
        with open(settings) as file:
            self.settings = yaml.safe_load(file)
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x):
        return self.conv(x)
""",
    "sums over processes": """
import torch.distributed as dist

class Balanced(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(12, 4)

    def forward(self, x):
        x = self.fc(x)
        total = x.detach().sum(0)
        dist.all_reduce(total)
        return x - total
""",
    "a piece that is called as the whole was": """
class Tokens(nn.Module):
    def __init__(self):
        super().__init__()
        self.patches, self.tokens = nn.Linear(14, 8), nn.Linear(9, 8)

    def forward(self, x):
        x, extra = x
        return self.patches(x), self.tokens(extra)
""",
}


def findings(path: Path) -> list[Diagnostic]:
    """What is told of a file as more than a hint."""
    told: list[Diagnostic] = []

    def emit(event: Event) -> None:
        if not isinstance(event, Started):
            told.extend(event.trace.diagnostics if isinstance(event, Traced) else getattr(event, "diagnostics", ()))

    finished = analyse(Analyse(1, str(path), roots=(str(path.parent),)), emit)
    return [each for each in (*told, *finished.diagnostics) if each.severity != "hint"]


@pytest.mark.parametrize("case", CASES)
def test_nothing_is_told_of_it(case: str, tmp_path: Path) -> None:
    torch.save(torch.nn.Linear(300, 40).state_dict(), tmp_path / "weights.pt")
    path = tmp_path / "code.py"
    path.write_text(HEAD + CASES[case])
    assert findings(path) == []
