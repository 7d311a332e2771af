"""Python's search for garbage.

It looks through all that is loaded, again and again: a sixth of LocalStack's time. And once more when the process ends,
for seconds, although nobody needs the memory then. What is loaded stays, so it is left out.
"""

import atexit
import gc


def install() -> None:
    """Leave out what is loaded by now, and at the end everything."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    atexit.register(gc.freeze)
