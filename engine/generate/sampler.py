"""From logits to a token, in float64 on the CPU: the same whoever else is in the step."""

from hashlib import blake2b

import numpy as np
import numpy.typing as npt

from longriver.engine.errors import OrderError
from longriver.engine.generate.penalties import Penalties
from longriver.engine.generate.sampling import Sampling
from longriver.engine.nats import nats_of
from longriver.engine.tokenizer.base import Tokenizer

# V vocabulary

Floats = npt.NDArray[np.float64]
Logits = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

MANTISSA_BITS = 53


class Sampler:
    """Chooses the tokens of one continuation.

    Args:
        writable_V: what a choice is among, stop tokens aside.
        name, sample: say which continuation it is, see ``uniform``.
    """

    def __init__(self, sampling: Sampling, writable_V: Mask, name: str, sample: int) -> None:
        self.sampling, self.allowed_V = sampling, writable_V.copy()
        self.allowed_V[list(sampling.stop_tokens)] = True
        self.key = key_of(sampling.seed, name, sample)
        self.num_chosen = 0
        self.penalties = Penalties(sampling, len(writable_V)) if sampling.has_penalties else None

    def choose(self, logits_V: Logits) -> tuple[int, np.float32]:
        """The next token, and its nats under the network as it is.

        Nats are no number where a logit is none.
        """
        if not np.isfinite(logits_V).all():
            return 0, np.float32(np.nan)
        token = self._choose(logits_V.astype(np.float64))
        self.num_chosen += 1
        if self.penalties is not None:
            self.penalties.add(token)
        return token, nats_of(logits_V, token)

    def _choose(self, z: Floats) -> int:
        penalised = z if self.penalties is None else self.penalties.applied(z)
        allowed = np.where(self.allowed_V, penalised, -np.inf)
        if self.sampling.temperature == 0:
            return int(np.argmax(allowed))
        return drawn(weights(allowed, self.sampling), uniform(self.key, self.num_chosen))


def check_stop_tokens(ids: tuple[int, ...], vocab_size: int, key: str) -> None:
    """Raises OrderError where the network has not all of them."""
    if unknown := [str(token) for token in ids if token >= vocab_size]:
        raise OrderError(
            f"{key}={','.join(unknown)}: the checkpoint has {vocab_size} tokens; "
            f"give ids below that"
        )


def writable(tokenizer: Tokenizer, vocab_size: int) -> Mask:
    """Which ids have a text, [V]."""
    return np.array([_has_text(tokenizer, token) for token in range(vocab_size)], np.bool_)


def _has_text(tokenizer: Tokenizer, token: int) -> bool:
    try:
        tokenizer.decode([token])
    except ValueError:
        return False
    return True


def key_of(seed: int, name: str, sample: int) -> int:
    """128 bits that are of one continuation alone."""
    said = f"{seed}\n{sample}\n{name}".encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(said, digest_size=16).digest())


def uniform(key: int, step: int) -> float:
    """The random number of a step, at least 0 and below 1: Philox, with the step for its counter.

    It depends on seed, document, sample and step, and on nothing that was drawn before.
    """
    bits = np.random.Philox(key=key, counter=step).random_raw()
    return float((bits >> (64 - MANTISSA_BITS)) * 2.0**-MANTISSA_BITS)


def weights(logits_V: Floats, sampling: Sampling) -> Floats:
    """Probabilities but for a factor, [V]; 0 of what is cut off.

    First ``temperature``, then ``top_k``, then ``top_p`` of what is left, as in ``transformers``;
    RWKV's demo cuts before it divides. Of tokens that are equally likely ``top_k`` keeps all, and
    ``top_p`` those with lower ids first.
    """
    with np.errstate(over="ignore", under="ignore"):
        kept = np.exp((logits_V - logits_V.max()) / sampling.temperature)
    if sampling.top_k is not None and sampling.top_k < len(kept):
        kept[kept < np.partition(kept, -sampling.top_k)[-sampling.top_k]] = 0
    return kept if sampling.top_p == 1 else nucleus(kept, sampling.top_p)


def nucleus(weights_V: Floats, top_p: float) -> Floats:
    """The likeliest tokens, as few as have ``top_p`` of the whole; the others are 0."""
    total = weights_V.sum()
    # all that is below has less than 1 - top_p together, so the few tokens are not among it
    [likely] = np.nonzero(weights_V >= (1 - top_p) * total / len(weights_V))
    order = likely[np.argsort(-weights_V[likely], kind="stable")]
    before = np.concatenate(([0.0], np.cumsum(weights_V[order])[:-1]))
    chosen = order[before < top_p * total]
    kept = np.zeros_like(weights_V)
    kept[chosen] = weights_V[chosen]
    return kept


def drawn(weights_V: Floats, chance: float) -> int:
    """The token whose stretch, all laid end to end in the order of ids, ``chance`` falls into."""
    ends = np.cumsum(weights_V)
    token = int(np.searchsorted(ends, chance * ends[-1], side="right"))
    if token < len(ends):
        return token
    return int(np.flatnonzero(weights_V)[-1])  # chance times whole was rounded up to the whole
