"""A sequence-to-sequence network that writes numbers in words."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tarea2.datasets.number_words import BLANK, END, PAD, START, longest, vocabulary
from tarea2.models.network import Network, Task


@dataclass(frozen=True)
class NumberWriterSpec:
    """GRU encoder-decoder (Cho et al. 2014) without attention: ``z`` is all the decoder gets."""

    hidden: int = 128
    embedding: int = 32


class NumberWriter(Network):
    """:class:`NumberWriterSpec` built; takes digits ``(B, 5)`` and tokens ``(B, T)``."""

    task = Task.OWN_OBJECTIVE
    own_start = True

    def __init__(self, spec: NumberWriterSpec):
        super().__init__()
        self.spec = spec
        tokens = len(vocabulary())
        self.digits = nn.Embedding(BLANK + 1, spec.embedding)
        self.tokens = nn.Embedding(tokens, spec.embedding)
        self.encoder = nn.GRU(spec.embedding, spec.hidden, batch_first=True)
        self.decoder = nn.GRU(spec.embedding, spec.hidden, batch_first=True)
        self.head = nn.Linear(spec.hidden, tokens)

    def example(self, x: Tensor, y: Tensor) -> tuple[Tensor, ...]:
        """Digits and the true tokens, which the decoder is fed with."""
        return x, y

    def encode(self, x: Tensor) -> Tensor:
        """``z``, the state after the last digit: ``(B, 5)`` to ``(1, B, hidden)``."""
        return self.encoder(self.digits(x))[1]

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Scores of ``y_t`` given ``z`` and the true ``y_<t``: ``(B, T - 1, tokens)``."""
        states, _ = self.decoder(self.tokens(y[:, :-1]), self.encode(x))  # (B, T - 1, hidden)
        return self.head(states)

    def loss(self, x: Tensor, y: Tensor) -> Tensor:
        """Equation (11) of the assignment: ``-log P(y_t | z, y_<t)``, mean over tokens."""
        return sequence_loss(self(x, y), y[:, 1:])

    @torch.no_grad()
    def measure(self, x: Tensor, y: Tensor) -> dict[str, float]:
        """Loss per token, and the share of names with any mistake.

        A name whose every token is the most likely one after the true tokens before it is the
        name that greedy decoding writes, so that no decoding is needed to count exact matches.
        """
        self.eval()
        scores = torch.cat([self(a, b) for a, b in zip(x.split(1000), y.split(1000), strict=True)])
        target = y[:, 1:]
        right = (scores.argmax(2) == target) | (target == PAD)
        return {
            "loss": float(sequence_loss(scores, target)),
            "error": 1 - float(right.all(1).float().mean()),
        }

    @torch.no_grad()
    def greedy(self, x: Tensor) -> Tensor:
        """Write the most likely token, again and again: ``(B, 5)`` to ``(B, T)``."""
        self.eval()
        state = self.encode(x)
        written = [torch.full((len(x), 1), START)]
        for _ in range(longest() - 1):
            out, state = self.decoder(self.tokens(written[-1]), state)
            written.append(self.head(out).argmax(2))  # (B, 1)
        return torch.cat(written, dim=1)

    @torch.no_grad()
    def beam(self, x: Tensor, width: int = 4) -> tuple[Tensor, Tensor]:
        """Keep the ``width`` most likely beginnings: ``(B, 5)`` to ``(B, T)``, and ``log P``.

        No name is empty: what comes first is a word.
        """
        self.eval()
        parts = [self._beam(part, width) for part in x.split(1000)]
        texts, scores = zip(*parts, strict=True)
        return torch.cat(texts), torch.cat(scores)

    def _beam(self, x: Tensor, width: int) -> tuple[Tensor, Tensor]:
        rows, none = len(x), -torch.inf
        state = self.encode(x).repeat_interleave(width, 1)  # (1, B W, hidden)
        texts = torch.full((rows, width, 1), START)
        total = torch.tensor([0.0] + [none] * (width - 1)).expand(rows, -1)  # all start equal
        for index in range(longest() - 1):
            out, state = self.decoder(self.tokens(texts[:, :, -1].reshape(-1, 1)), state)
            step = self.head(out[:, 0]).log_softmax(1).view(rows, width, -1)  # (B, W, tokens)
            if index == 0:
                step[..., [PAD, START, END]] = none
            ended = (texts == END).any(2)
            step[ended] = none
            step[..., PAD][ended] = 0.0  # nothing more to say, at no cost
            tokens = step.shape[2]
            total, best = (total[..., None] + step).flatten(1).topk(width)  # (B, W) each
            kept = best // tokens  # which beams go on
            texts = torch.cat(
                [texts.gather(1, kept[..., None].expand(-1, -1, texts.shape[2])),
                 (best % tokens)[..., None]], dim=2,
            )  # fmt: skip
            indices = (torch.arange(rows)[:, None] * width + kept).flatten()
            state = state[:, indices].contiguous()
        return texts[:, 0], total[:, 0]


def sequence_loss(scores: Tensor, target: Tensor) -> Tensor:
    """Mean of ``-log softmax(scores)[target]`` over tokens that are no padding.

    ``scores``: ``(B, T, tokens)``; ``target``: ``(B, T)``.
    """
    return F.cross_entropy(scores.flatten(0, 1), target.flatten(), ignore_index=PAD)
