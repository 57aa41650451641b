"""ForgetJob a job: delete all that is kept of it, for the person whose likeness it is."""

import argparse
import sys

from motiondrop.aws.inbox import Inbox
from motiondrop.aws.results import Results
from motiondrop.errors import NoSuchJob
from motiondrop.storage.drops import Drops
from motiondrop.workflow.forget import ForgetJob, Gone, StillRunning
from tools.stack import NoStackError, Target, add_arguments, connect


def main() -> int:
    """ForgetJob the job, or allow it again; return the exit status."""
    parser = argparse.ArgumentParser(prog="make forget")
    parser.add_argument("job", help="the job's id, as its email, its page and its execution say it")
    add_arguments(parser)
    parser.add_argument("--allow-again", action="store_true", help="let the same files be animated again")
    said = parser.parse_args()
    try:
        forget = forgetting(connect(said.stack, said.state_dir))
        if said.allow_again:
            allowed = forget.allow_again(said.job)
            print("The same files may be dropped again." if allowed else f"{said.job} was not forgotten.")
            return 0 if allowed else 1
        print(told(said.job, forget.run(said.job)))
    except NoStackError as error:
        print(error, file=sys.stderr)
        return 1
    except NoSuchJob:
        print(f"There is no job {said.job}, or it was forgotten before.", file=sys.stderr)
        return 1
    except StillRunning:
        print(f"{said.job} has not ended: stop its execution first, then forget it.", file=sys.stderr)
        return 1
    return 0


def forgetting(target: Target) -> ForgetJob:
    """What forgets the jobs of a stack."""
    return ForgetJob(
        tables=target.tables,
        drops=Drops(target.tables),
        inbox=Inbox(target.s3, target.inbox_bucket, target.results_bucket),
        results=Results(target.s3, target.results_bucket),
    )


def told(job_id: str, gone: Gone) -> str:
    """What was done, and what is out of reach."""
    lines = [f"{job_id} is forgotten; its link answers as unknown, and the same files are not animated again."]
    lines += [f"  deleted from the results bucket: {key}" for key in gone.results]
    lines += [f"  deleted from the inbox: {key}" for key in gone.drops]
    lines += [f"  kept, since others use it: {key}" for key in gone.kept]
    lines.append(
        "Out of reach: emails and events that were sent, the names of executions (90 days), logs (while kept), "
        "the table's point-in-time recovery (35 days)."
    )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
