"""The tokenizer of a run, for texts that are to be shown token by token."""

from longriver.engine.errors import OrderError
from longriver.engine.tokenizer.base import Tokenizer
from longriver.jobs.report.markup import without_secrets
from longriver.jobs.report.run import Run
from longriver.jobs.score_config import ScoreConfig
from longriver.pipeline.model_files import fetched
from longriver.pipeline.one_line import one_line


def tokenizer_of(run: Run) -> Tokenizer | str:
    """The one that the run was done with, or why texts cannot be shown token by token."""
    if "token_nll" not in run.columns("segments"):
        is_alone = isinstance(run.config.job, ScoreConfig)
        key = "job.token_nll" if is_alone else "job.score.token_nll"
        return f"{key}=true gives every token its own"
    return _tokenizer(run)


def _tokenizer(run: Run) -> Tokenizer | str:
    import torch  # seconds that other reports do without

    from longriver.engine.checkpoint import fitting_tokenizer
    from longriver.engine.network import load_network
    from longriver.engine.weights import pinned

    try:
        model = fetched(pinned(run.config.model))
        size = load_network(model, torch.device("meta"), torch.float32).vocab_size
        tokenizer = fitting_tokenizer(model, size)
    except (OrderError, OSError) as error:
        return f"the tokenizer is not at hand ({without_secrets(one_line(error))})"
    if tokenizer.fingerprint != run.order.fingerprints["tokenizer"]:
        return "the tokenizer that is here now is not the run's"
    return tokenizer
