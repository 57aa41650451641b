"""Print the operator's link to the gallery of a stack. Whoever has it sees all jobs; a new link secret revokes it."""

import argparse
import sys

from motiondrop.web.links import Links
from tools.stack import NoStackError, add_arguments, connect


def main() -> int:
    """Print the link; return the exit status."""
    parser = argparse.ArgumentParser(prog="make gallery-link")
    add_arguments(parser)
    said = parser.parse_args()
    try:
        target = connect(said.stack, said.state_dir)
    except NoStackError as error:
        print(error, file=sys.stderr)
        return 1
    print(Links(target.result_page_url, lambda: target.link_secret).to_gallery())
    return 0


if __name__ == "__main__":
    sys.exit(main())
