"""`python -m app.machine run|demo|screenshots|flask|migrate|web|lane`."""

import sys

from app.machine.commands import main

sys.exit(main())
