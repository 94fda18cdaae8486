"""Memory of the graphics card that models compute on: how much may be used, giving it back, and running out of it.

torch is only imported by functions that are called when a model is in use.
"""

import gc
import sys

BUDGET_SHARE = 0.94
"""The share of a card's memory that may be used; the rest belongs to the driver, the screen and what fragments."""
MOST_BUDGET_MB = 45 * 1024.0
"""On a larger card more is only used where it is asked for, so that a run behaves alike on every card of its class."""


def budget_mb(card_mb: float, asked_gb: float = 0.0) -> float:
    """The memory that models may use on a card of this size; what is asked for counts as far as the card has it."""
    return min(1024 * asked_gb or MOST_BUDGET_MB, BUDGET_SHARE * card_mb)


def limit_cuda(budget_mb: float) -> None:
    """Let this process run out of memory at the budget, also where the card has more."""
    import torch

    if torch.cuda.is_available():
        card_mb = torch.cuda.get_device_properties(0).total_memory / 2**20
        torch.cuda.set_per_process_memory_fraction(min(1.0, budget_mb / card_mb), 0)


def peak_cuda_mb(*, anew: bool = False) -> float:
    """The most of the card's memory that torch has taken since this was asked `anew`; 0 without a card."""
    import torch

    if not torch.cuda.is_available():
        return 0.0
    peak_mb = torch.cuda.max_memory_reserved() / 2**20
    if anew:
        torch.cuda.reset_peak_memory_stats()
    return float(peak_mb)


def settle() -> None:
    """Leave everything that is there now out of later searches for cycles, until `unsettle`.

    The libraries bring more than half a million objects that stay. Looking through them took 0.3 s, as long as a frame.
    """
    gc.collect()
    gc.freeze()


def unsettle() -> None:
    """Search for cycles everywhere again, as before something is closed."""
    gc.unfreeze()


def clear_cuda() -> bool:
    """Give back the memory of tensors that nobody holds any more; returns whether there is a card to give it to.

    A processor's memory is not scarce, and where torch was not loaded there is nothing to give back.
    """
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available():
        return False
    gc.collect()
    torch.cuda.empty_cache()
    return True


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory, of the card or of the machine, ran out."""
    import torch

    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    text = str(error)
    return isinstance(error, RuntimeError) and ("out of memory" in text or "can't allocate memory" in text)
