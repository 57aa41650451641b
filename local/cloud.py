"""The local cloud: `python -m local.cloud up` and `python -m local.cloud down`.

`up` starts the AWS emulator and the provider's stand-in, deploys the template and writes stack.json;
repeated, it updates what changed. `down` ends all of it. Both may be repeated.
"""

import hashlib
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from local.launcher import code, deployment, processes, template
from local.launcher.group import ProcessGroup
from local.launcher.locks import waiting_for
from local.launcher.options import REGION, STACK_NAME, Options, parse
from local.launcher.packages import Packages
from local.launcher.progress import CloudError, note, step
from local.stack import STACK_FILE, Stack, StackNotRunningError
from local.wan.settings import DEMO_KEY

RUNNING_FILE = "running.json"

#: Bytes. The functions' packages take 200 MB, and what is dropped, rendered and logged comes on top.
ROOM = 500_000_000


class Cloud:
    """The local cloud of one state folder."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._state_dir = options.state_dir
        self._group = ProcessGroup(options.state_dir)
        self._packages = Packages()
        self._running_file = options.state_dir / RUNNING_FILE
        self._started_here = False

    def up(self) -> Stack:
        """Start what is not running, deploy what is not deployed; returns the stack."""
        running = self._running()
        if running is None:
            self.down()
            running = self._start()
        else:
            self._adjust(running)
        return self._deploy(running)

    def down(self) -> bool:
        """End everything and remove what it left; False if nothing was running."""
        self._running_file.unlink(missing_ok=True)
        return self._group.stop()

    def _running(self) -> dict[str, Any] | None:
        """Return what a running cloud is like, or None if there is none of use."""
        if not self._group.is_running() or not self._running_file.exists():
            return None
        running: dict[str, Any] = json.loads(self._running_file.read_text())
        asked = ((self._options.port, "endpoint_url"), (self._options.wan_port, "wan_url"))
        elsewhere = any(port and not running[url].endswith(f":{port}") for port, url in asked)
        return None if elsewhere or not processes.is_healthy(running["endpoint_url"]) else running

    def _start(self) -> dict[str, Any]:
        (self._state_dir / "mail").mkdir(parents=True, exist_ok=True)
        for mail in (self._state_dir / "mail").glob("*.txt"):
            mail.unlink()  # of a cloud that is gone
        with step("Python for the functions"):
            runtime = self._packages.runtime_python()
        with step("AWS emulator and the provider's stand-in") as remarks:
            port = processes.free_port(self._options.port)
            if self._options.wan_port:
                processes.free_port(self._options.wan_port)  # a taken one is said now, in words
            described = processes.processes(self._options, self._group, port, runtime)
            self._started_here = True
            self._group.start(described, self._options.owner_pid)
            endpoint_url = f"http://127.0.0.1:{port}"
            processes.wait_for_emulator(self._group, endpoint_url)
            wan_url = processes.wait_for_wan(self._group)
            remarks += [endpoint_url, wan_url]
        running = {"endpoint_url": endpoint_url, "wan_url": wan_url, "deployed": ""}
        self._note(running)
        return running

    def _note(self, running: dict[str, Any]) -> None:
        self._running_file.write_text(json.dumps(running))

    def _adjust(self, running: dict[str, Any]) -> None:
        """Give a running cloud the speeds asked for."""
        scale = {"stepfunctions._SFN_WAIT_SCALE": self._options.wait_scale}
        processes.post_json(f"{running['endpoint_url']}/_ministack/config", dict(scale))
        if self._options.wan_task_seconds is not None:
            settings = {"task_seconds": self._options.wan_task_seconds}
            processes.post_json(f"{running['wan_url']}/_control/settings", dict(settings))

    def _deploy(self, running: dict[str, Any]) -> Stack:
        parsed = template.read_template(self._options.template)
        dropped = template.drop_what_is_not_emulated(parsed)
        with step("Code and packages of the functions"):
            packed = code.Code(self._options.template.parent, self._packages).pack(parsed)
        values = template.parameter_values(
            parsed,
            template.LocalAddresses(running["wan_url"]),
            self._options.wait_scale,
            self._options.parameters,
        )
        body = template.as_body(parsed)
        digest = hashlib.sha256(json.dumps([body, values]).encode()).hexdigest()
        if running["deployed"] == digest:
            try:
                stack = Stack.load(self._state_dir)
            except StackNotRunningError:
                pass
            else:
                note("Nothing has changed since it was deployed.")
                return stack
        if dropped:
            note(f"Left out, since the emulator has no {'such thing' if len(dropped) == 1 else 'such things'}:")
            for name in dropped:
                note(f"  {name}")
        stack = self._create_or_update(running, body, values, packed)
        self._note(running | {"deployed": digest})
        return stack

    def _create_or_update(
        self, running: dict[str, Any], body: str, values: dict[str, str], packed: list[code.Artifact]
    ) -> Stack:
        clients = self._stack(running, {}, {})
        with step("Uploading the code"):
            template_ = code.Artifact(body.encode(), ".template")  # by URL: a body may have 51,200 bytes
            code.upload(clients.s3, REGION, [*packed, template_])
        with step("Deploying the template") as remarks:
            template_url = f"{running['endpoint_url']}/{code.ARTIFACTS_BUCKET}/{template_.key}"
            outputs = deployment.deploy(clients.cloudformation, STACK_NAME, template_url, values)
            functions = deployment.functions_of(clients.cloudformation, STACK_NAME)
            remarks.append(f"{len(functions)} functions")
        stack = self._stack(running, outputs, functions)
        if stack.provider_key_secret:
            with step("The provider's key"):
                stack.secretsmanager.put_secret_value(SecretId=stack.provider_key_secret, SecretString=DEMO_KEY)
        (self._state_dir / STACK_FILE).write_text(stack.to_json())
        return stack

    def _stack(self, running: dict[str, Any], outputs: dict[str, str], functions: dict[str, str]) -> Stack:
        return Stack(
            endpoint_url=running["endpoint_url"],
            region=REGION,
            access_key_id=processes.ACCESS_KEY_ID,
            secret_access_key=processes.SECRET_ACCESS_KEY,
            inbox_bucket=outputs.get("InboxBucket", ""),
            results_bucket=outputs.get("ResultsBucket", ""),
            table=outputs.get("JobsTable", ""),
            state_machine_arn=outputs.get("StateMachineArn", ""),
            notifications_topic_arn=outputs.get("NotificationsTopicArn", ""),
            operations_topic_arn=outputs.get("OperationsTopicArn", ""),
            wan_url=running["wan_url"],
            mail_dir=self._state_dir / "mail",
            stack_name=STACK_NAME,
            watch_url=outputs.get("WatchUrl", ""),
            drops_queue_url=outputs.get("DropsQueueUrl", ""),
            provider_key_secret=outputs.get("ProviderKeySecret", ""),
            log_dir=self._group.log_dir,
            functions=functions,
            outputs=outputs,
        )

    def give_up(self) -> None:
        """End what this command started; a cloud that an earlier one started goes on as it is."""
        if self._started_here:
            self.down()

    def last_lines(self) -> str:
        """Return what the emulator said last."""
        return self._group.tail(processes.EMULATOR)


def main(arguments: list[str] | None = None) -> int:
    """Run a command; returns the exit status."""
    options = parse(arguments)
    if options.command == "up" and (full := _full(options.state_dir, Path(tempfile.gettempdir()))):
        print(f"The disk of {full} is full: {ROOM / 1e6:.0f} MB have to be free there.", file=sys.stderr)
        return 1
    cloud = Cloud(options)
    with waiting_for(options.state_dir / "command.lock"):
        return _up(cloud, options) if options.command == "up" else _down(cloud)


def _full(*folders: Path) -> Path | None:
    """The first of the folders on whose disk there is no room for a cloud."""
    for folder in folders:
        made = next(place for place in (folder, *folder.absolute().parents) if place.exists())
        if shutil.disk_usage(made).free < ROOM:
            return folder
    return None


def _up(cloud: Cloud, options: Options) -> int:
    began = time.monotonic()
    note("Local cloud:")
    try:
        stack = cloud.up()
    except CloudError as error:
        print(f"\n{error}", file=sys.stderr)
        print(error.details or cloud.last_lines(), file=sys.stderr)
        cloud.give_up()
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted: ending what was started.", file=sys.stderr)
        cloud.give_up()
        return 130
    except BaseException:
        print(cloud.last_lines(), file=sys.stderr)
        cloud.give_up()
        raise
    note(f"Ready after {time.monotonic() - began:.1f} s: {options.state_dir / STACK_FILE}")
    note(f"Logs: {stack.log_dir}   Mails: {stack.mail_dir}")
    return 0


def _down(cloud: Cloud) -> int:
    try:
        stopped = cloud.down()
    except CloudError as error:
        print(error, file=sys.stderr)
        return 1
    note("The local cloud is stopped." if stopped else "No local cloud is running.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
