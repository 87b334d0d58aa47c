"""Who reads how much in a step: a fair share for every open document, nothing left over."""


def share(ready: list[int], budget: int) -> list[int]:
    """Divides ``budget`` tokens among documents that have ``ready[i]`` tokens each.

    Short documents get all they have and leave the rest to the long ones; a lone document takes
    the whole step. What does not divide evenly goes to the documents that come first.
    """
    counts = [0] * len(ready)
    left = budget
    open_indices = sorted(range(len(ready)), key=lambda index: ready[index])
    for position, index in enumerate(open_indices):
        fair = -(-left // (len(open_indices) - position))
        counts[index] = min(ready[index], fair)
        left -= counts[index]
    return counts
