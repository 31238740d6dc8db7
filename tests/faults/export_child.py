"""A scheduler that writes exports and is killed somewhere: `python -m tests.faults.export_child`.

It lets the sweep run once at the moment that it is told.
"""

import os
import sys
from datetime import datetime

from kit.db import make_begin, make_engine
from shop.exports import jobs

if __name__ == "__main__":
    begin = make_begin(make_engine(os.environ["DATABASE_URL"], pool_size=2))
    moment = datetime.fromisoformat(sys.argv[1])
    sys.exit(jobs.write_due_exports(begin, clock=lambda: moment, now=moment).failed)
