"""What the generate job says of a whole run."""

from collections.abc import Sequence

from longriver.engine.generate.finish_reason import FinishReason
from longriver.pipeline.figures import count
from longriver.pipeline.receipt import Receipt
from longriver.pipeline.summary import Finding


def findings(receipts: Sequence[Receipt]) -> Finding:
    """Tokens read and written, and continuations by why they ended."""

    def total(name: str) -> int:
        return sum(int(receipt.sums.get(name, 0)) for receipt in receipts)

    num_prompt, num_written = total("num_prompt_tokens"), total("num_generated_tokens")
    reasons = {str(reason): total(f"num_{reason}") for reason in FinishReason}
    num_samples = sum(reasons.values())
    ends = ", ".join(f"{reason} {count(number)}" for reason, number in reasons.items() if number)
    return Finding(
        {
            "num_prompt_tokens": num_prompt,
            "num_continuations": num_samples,
            "num_generated_tokens": num_written,
            "finish_reasons": reasons,
        },
        (
            ("prompt tokens", count(num_prompt), ""),
            ("continuations", count(num_samples), ends),
            ("tokens written", count(num_written), ""),
        ),
    )
