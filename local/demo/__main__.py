"""`python -m local.demo`."""

import sys

try:
    from local.demo.command import main
except KeyboardInterrupt:  # nothing is started yet
    sys.exit(130)

if __name__ == "__main__":
    sys.exit(main())
