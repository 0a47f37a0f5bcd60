"""A decoder of Llama 3 70B's sizes (Grattafiori et al., 2024), written as the reference code is."""

import torch
import torch.nn.functional as F
from torch import nn


class RMSNorm(nn.Module):
    def __init__(self, dim, eps=1e-5):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(dim))

    def forward(self, x):
        normed = x.float() * torch.rsqrt(x.float().pow(2).mean(-1, keepdim=True) + self.eps)
        return normed.type_as(x) * self.weight


def rotate(x, freqs):
    pairs = torch.view_as_complex(x.float().reshape(*x.shape[:-1], -1, 2))
    turned = pairs * freqs.view(1, x.shape[1], 1, x.shape[-1] // 2)
    return torch.view_as_real(turned).flatten(3).type_as(x)


def repeat_kv(x, n):
    B, T, heads, dim = x.shape
    return x[:, :, :, None, :].expand(B, T, heads, n, dim).reshape(B, T, heads * n, dim)


class Attention(nn.Module):
    def __init__(self, dim, heads, kv_heads):
        super().__init__()
        self.heads, self.kv_heads, self.head_dim = heads, kv_heads, dim // heads
        self.wq = nn.Linear(dim, heads * self.head_dim, bias=False)
        self.wk = nn.Linear(dim, kv_heads * self.head_dim, bias=False)
        self.wv = nn.Linear(dim, kv_heads * self.head_dim, bias=False)
        self.wo = nn.Linear(heads * self.head_dim, dim, bias=False)

    def forward(self, x, freqs, mask):
        B, T, _ = x.shape
        q = rotate(self.wq(x).view(B, T, self.heads, self.head_dim), freqs)
        k = rotate(self.wk(x).view(B, T, self.kv_heads, self.head_dim), freqs)
        v = self.wv(x).view(B, T, self.kv_heads, self.head_dim)
        k = repeat_kv(k, self.heads // self.kv_heads)
        v = repeat_kv(v, self.heads // self.kv_heads)
        q, k, v = q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2)
        scores = torch.matmul(q, k.transpose(2, 3)) / self.head_dim**0.5 + mask
        scores = F.softmax(scores.float(), dim=-1).type_as(q)
        out = torch.matmul(scores, v)
        return self.wo(out.transpose(1, 2).contiguous().view(B, T, -1))


class FeedForward(nn.Module):
    def __init__(self, dim, hidden):
        super().__init__()
        self.w1 = nn.Linear(dim, hidden, bias=False)
        self.w2 = nn.Linear(hidden, dim, bias=False)
        self.w3 = nn.Linear(dim, hidden, bias=False)

    def forward(self, x):
        return self.w2(F.silu(self.w1(x)) * self.w3(x))


class Block(nn.Module):
    def __init__(self, dim, heads, kv_heads, hidden):
        super().__init__()
        self.attention_norm = RMSNorm(dim)
        self.attention = Attention(dim, heads, kv_heads)
        self.ffn_norm = RMSNorm(dim)
        self.feed_forward = FeedForward(dim, hidden)

    def forward(self, x, freqs, mask):
        h = x + self.attention(self.attention_norm(x), freqs, mask)
        return h + self.feed_forward(self.ffn_norm(h))


class Llama70B(nn.Module):
    def __init__(self, vocab_size=128256, dim=8192, layers=80, heads=64, kv_heads=8, hidden=28672):
        super().__init__()
        self.tok_embeddings = nn.Embedding(vocab_size, dim)
        self.layers = nn.ModuleList(Block(dim, heads, kv_heads, hidden) for _ in range(layers))
        self.norm = RMSNorm(dim)
        self.output = nn.Linear(dim, vocab_size, bias=False)
        self.head_dim = dim // heads

    def forward(self, tokens):
        B, T = tokens.shape
        h = self.tok_embeddings(tokens)
        steps = torch.arange(0, self.head_dim, 2, device=tokens.device).float() / self.head_dim
        angles = torch.outer(torch.arange(T, device=tokens.device).float(), 1.0 / 500000.0**steps)
        freqs = torch.polar(torch.ones_like(angles), angles)
        mask = torch.full((T, T), float("-inf"), device=tokens.device).triu(diagonal=1)
        for layer in self.layers:
            h = layer(h, freqs, mask)
        return self.output(self.norm(h))
