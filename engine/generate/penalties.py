"""What has been written already is made less likely."""

import numpy as np
import numpy.typing as npt

from longriver.engine.generate.sampling import Sampling

# V vocabulary

Floats = npt.NDArray[np.float64]


class Penalties:
    """Counts the tokens of one continuation; those of its prompt do not count.

    Before each choice, for every token v that has been written, c of v being its count:

        z[v] ← z[v] / repetition   where z[v] > 0, z[v] · repetition elsewhere    (CTRL)
        z[v] ← z[v] - presence - frequency · c[v]                                 (OpenAI, RWKV)

    and behind each choice of a token u, for all v:

        c[v] ← decay · c[v] + [v = u]

    With decay = 1, c is how often v was written; RWKV's demo has 0.996. Presence does not fade.
    That demo counts neither digits nor spaces; here every token counts.
    """

    def __init__(self, sampling: Sampling, vocab_size: int) -> None:
        self.sampling = sampling
        self.counts_V: Floats = np.zeros(vocab_size)
        self.is_written_V = np.zeros(vocab_size, np.bool_)

    def applied(self, logits_V: Floats) -> Floats:
        how, written = self.sampling, self.is_written_V
        found = logits_V.copy()
        z = logits_V[written]
        z = np.where(z > 0, z / how.repetition_penalty, z * how.repetition_penalty)
        counts = self.counts_V[written]
        found[written] = z - how.presence_penalty - how.frequency_penalty * counts
        return found

    def add(self, token: int) -> None:
        self.counts_V *= self.sampling.penalty_decay
        self.counts_V[token] += 1
        self.is_written_V[token] = True
