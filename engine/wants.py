"""What a reading is asked for, beside having read."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wants:
    """What comes with the chunks of all sequences that are read together.

    nll:   every token's negative log-likelihood; without it the head's product is saved.
    layer: hidden vectors as they leave this layer, counted from 1; 0 is what enters the first, and
           -1 what the head sees, behind the last LayerNorm. None: no vectors.
    state: the state comes with the last chunk of each sequence, and behind its cuts.
    window: tokens of a window, behind which all is forgotten, see ``WindowedSequence``; vectors and
           states are not to be had of windows. None: a token sees all that stands before it.
    """

    nll: bool = True
    layer: int | None = None
    state: bool = False
    window: int | None = None

    @property
    def reads_last(self) -> bool:
        """Whether a document's last token is read too, though nothing is scored behind it."""
        return self.layer is not None or self.state


NLL = Wants()
UNSCORED = Wants(nll=False)
"""Texts are read, not scored; sequences that are shown logits have nats of their own."""
