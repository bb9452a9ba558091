"""A run's process that only takes slots: ``taker.py PLACE LIMIT WINDOW COUNT``.

It prints the moments before and after each, as JSON.
"""

import asyncio
import json
import sys
import time
from pathlib import Path

from assetgen_dagster.budget.postgres import in_postgres
from assetgen_dagster.budget.rate_limit import RequestLimit, in_file


async def take(place: str, limit: int, window: float, count: int) -> list[tuple[float, float]]:
    bucket = in_postgres(place, "test") if "://" in place else in_file(Path(place), "test")
    slots = RequestLimit(bucket, limit=limit, window_seconds=window)
    taken: list[tuple[float, float]] = []
    while len(taken) < count:
        before = time.time()
        wait = await slots.take()
        if wait is None:
            taken.append((before, time.time()))
        else:
            await asyncio.sleep(wait)
    return taken


if __name__ == "__main__":
    place, limit, window, count = sys.argv[1:]
    print(json.dumps(asyncio.run(take(place, int(limit), float(window), int(count)))))
