"""Many people in the same moment: threads released by one barrier."""

import threading
from collections.abc import Callable, Sequence
from typing import Any


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    """Run the acts together and return what each returned, or the exception it ended in."""
    barrier = threading.Barrier(len(acts))
    results: list[Any] = [None] * len(acts)

    def run(index: int) -> None:
        barrier.wait(timeout=30)
        try:
            results[index] = acts[index]()
        except Exception as error:
            results[index] = error

    threads = [threading.Thread(target=run, args=(index,)) for index in range(len(acts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
        assert not thread.is_alive(), "an act does not come to an end"
    return results


def errors(results: Sequence[Any]) -> list[Exception]:
    """Return those that ended in an exception."""
    return [result for result in results if isinstance(result, Exception)]
