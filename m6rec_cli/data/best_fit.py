"""Windows of tokens to rows of one length, with little room left over."""

import numpy as np


def place_windows(
    sizes: np.ndarray, length: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, int]:
    """Row and position of every window by best fit, longest first; equal sizes in random order.

    `open_rows[r]` are the rows with r free tokens, and bit r of `free` says whether there are any,
    so one shift finds the tightest row.

    Returns:
        Row and position of each window, and the number of rows.
    """
    order = np.lexsort((rng.random(len(sizes)), -sizes))
    row, at = np.zeros(len(sizes), np.int64), np.zeros(len(sizes), np.int64)
    open_rows: list[list[int]] = [[] for _ in range(length + 1)]
    free, n_rows = 0, 0
    for window, size in zip(order.tolist(), sizes[order].tolist(), strict=True):
        fitting = free >> size
        if fitting:
            room = size + (fitting & -fitting).bit_length() - 1
            chosen = open_rows[room].pop()
            if not open_rows[room]:
                free &= ~(1 << room)
        else:
            room, chosen = length, n_rows
            n_rows += 1
        row[window], at[window] = chosen, length - room
        if room > size:
            open_rows[room - size].append(chosen)
            free |= 1 << (room - size)
    return row, at, n_rows
