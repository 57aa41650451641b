"""`python -m local.cloud`."""

import sys

from local.cloud.command import main

if __name__ == "__main__":
    sys.exit(main())
