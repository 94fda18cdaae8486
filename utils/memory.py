"""Memory of the graphics card that models compute on: how much may be used, giving it back, and running out of it.

torch is only imported by functions that are called when a model is in use.
"""

import gc

BUDGET_SHARE = 0.94
"""The share of a card's memory that may be used; the rest belongs to the driver, the screen and what fragments."""
MOST_BUDGET_MB = 45 * 1024.0
"""On a larger card more is only used where it is asked for, so that a run behaves alike on every card of its class."""


def budget_mb(card_mb: float) -> float:
    """The memory that models may use on a card of this size."""
    return min(MOST_BUDGET_MB, BUDGET_SHARE * card_mb)


def clear_cuda() -> None:
    """Give back the memory of tensors that nobody holds any more.

    Without a card nothing is done: looking for cycles takes a second or two beside such libraries, and a processor's
    memory is not scarce.
    """
    import torch

    if torch.cuda.is_available():
        gc.collect()
        torch.cuda.empty_cache()


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory, of the card or of the machine, ran out."""
    import torch

    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    text = str(error)
    return isinstance(error, RuntimeError) and ("out of memory" in text or "can't allocate memory" in text)
