"""Work ahead of whoever listens: a generator that runs in a thread of its own."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator
from typing import TypeVar

Item = TypeVar("Item")


def ahead(items: Generator[Item, None, None], room: int) -> Generator[Item, None, None]:
    """The same items; while one is used, up to `room` more are made.

    Work begins with the first `next`. Closing the generator closes `items` before it makes another, and waits for that.
    """
    made: queue.SimpleQueue[tuple[Item] | BaseException | None] = queue.SimpleQueue()
    free = threading.Semaphore(room)
    stop = threading.Event()

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

    worker = threading.Thread(target=work, name="dialogue-tts", daemon=True)
    worker.start()
    try:
        while (found := made.get()) is not None:
            if isinstance(found, BaseException):
                raise found
            yield found[0]
            free.release()
    finally:
        stop.set()
        free.release()
        worker.join()
