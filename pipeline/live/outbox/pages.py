"""Byte strings, first in, first out, in pages of memory of their own; pure.

The allocator of the process mixes what stays for minutes with what lives for a moment, and can then
give neither back: a queue of 48 MiB took 200. Here a page is taken from the system when it is
needed and given back when all of it has been taken out.
"""

import mmap
from collections import deque
from dataclasses import dataclass, field

PAGE_BYTES = 1024 * 1024
"""What is taken from the system at once; a longer string has a page of its own."""


@dataclass(slots=True)
class _Page:
    memory: mmap.mmap
    used: int = 0
    sizes: deque[int] = field(default_factory=deque)
    """Of the strings that are still in it."""
    taken: int = 0
    """Where the first of them begins."""


class Pages:
    """The queue."""

    def __init__(self) -> None:
        self._pages: deque[_Page] = deque()

    def __bool__(self) -> bool:
        """Return whether there is anything."""
        return bool(self._pages)

    def put(self, content: bytes) -> None:
        """Put a string behind the others.

        Raises:
            OSError: the system has no memory left.
        """
        size = len(content)
        if not self._pages or self._pages[-1].used + size > len(self._pages[-1].memory):
            self._pages.append(_Page(mmap.mmap(-1, max(size, PAGE_BYTES))))
        page = self._pages[-1]
        page.memory[page.used : page.used + size] = content
        page.used += size
        page.sizes.append(size)

    def take(self) -> bytes:
        """Take the first string.

        Raises:
            IndexError: there is none.
        """
        page = self._pages[0]
        size = page.sizes.popleft()
        content = page.memory[page.taken : page.taken + size]
        page.taken += size
        if not page.sizes:
            page.memory.close()
            self._pages.popleft()
        return content
