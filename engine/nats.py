"""From logits to nats, in float64 on the CPU: the same whoever else is in the step."""

import numpy as np
import numpy.typing as npt


def nats_of(logits_V: npt.NDArray[np.floating], token: int) -> np.float32:
    """``logsumexp(logits) - logits[token]``; no number where a logit is none."""
    if not np.isfinite(logits_V).all():
        return np.float32(np.nan)
    z = logits_V.astype(np.float64)
    largest = z.max()
    with np.errstate(under="ignore"):
        log_sum = largest + np.log(np.exp(z - largest).sum())
    return np.float32(log_sum - z[token])
