"""From logits to nats, in float64: the same whoever else is in the step."""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

# R rows · V vocabulary

Floats = npt.NDArray[np.float32]


def nats_of(logits_V: Floats, token: int) -> np.float32:
    """``logsumexp(logits) - logits[token]``; no number where a logit is none."""
    if not np.isfinite(logits_V).all():
        return np.float32(np.nan)
    z = logits_V.astype(np.float64)
    largest = z.max()
    with np.errstate(under="ignore"):
        log_sum = largest + np.log(np.exp(z - largest).sum())
    return np.float32(log_sum - z[token])


def nats_of_rows(logits_RV: Tensor, ids_R: npt.NDArray[np.int32]) -> Floats:
    """The same for every row; those of a GPU are summed there, since moving them takes longer."""
    if logits_RV.is_cuda:
        return summed_on_device(logits_RV, ids_R)
    rows = zip(logits_RV.numpy(), ids_R, strict=True)
    return np.array([nats_of(row, token) for row, token in rows], np.float32)


def summed_on_device(logits_RV: Tensor, ids_R: npt.NDArray[np.int32]) -> Floats:
    """The same by the device that the logits are on, whose order of sums is its own."""
    z_RV = logits_RV.double()
    ids_R1 = torch.from_numpy(ids_R.astype(np.int64))[:, None].to(z_RV.device)
    nats_R = torch.logsumexp(z_RV, dim=1) - z_RV.gather(1, ids_R1)[:, 0]
    is_finite_R = torch.isfinite(logits_RV).all(dim=1)
    found: Floats = torch.where(is_finite_R, nats_R, torch.nan).float().cpu().numpy()
    return found
