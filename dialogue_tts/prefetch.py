"""Work ahead of whoever listens, in threads that end with it.

All of PyTorch's work is done in such threads. OpenMP keeps helpers for every thread that ever computed, and as soon as
there are more of them than cores, they sleep at each step instead of waiting for the next one. After a single
computation in a program's main thread, any other thread would take twice as long.
"""

from __future__ import annotations

import atexit
import contextvars
import queue
import threading
from collections.abc import Callable, Generator
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def apart(work: Callable[[], Result]) -> Result:
    """What `work` gives, when a thread of its own has done it."""
    return next(ahead((make() for make in (work,)), 1, threading.Event()))


def ahead(items: Generator[Item, None, None], room: int, stop: threading.Event) -> Generator[Item, None, None]:
    """The same items; while one is used, up to `room` more are made.

    Work begins with the first `next`. Closing the generator closes `items` before it makes another, and waits for that;
    so does the end of the program. `stop` is set first, for `items` to look at while they make one.
    """
    made: queue.SimpleQueue[tuple[Item] | BaseException | None] = queue.SimpleQueue()
    free = threading.Semaphore(room)

    def work() -> None:
        try:
            while True:
                free.acquire()
                if stop.is_set():
                    break
                made.put((next(items),))
        except StopIteration:
            made.put(None)
        except BaseException as error:  # whatever it is, it belongs to who listens
            made.put(error)
        finally:
            items.close()

    context = contextvars.copy_context()  # with it, whoever measures this thread measures the work, too
    worker = threading.Thread(target=context.run, args=(work,), name="dialogue-tts", daemon=True)

    def end() -> None:
        stop.set()
        free.release()
        worker.join()

    worker.start()
    # A daemon thread is torn down as soon as it comes back from PyTorch after the interpreter's end, which aborts the
    # process; any other would be waited for before somebody could tell it to stop.
    atexit.register(end)
    try:
        while (found := made.get()) is not None:
            if isinstance(found, BaseException):
                raise found
            yield found[0]
            free.release()
    finally:
        end()
        atexit.unregister(end)
