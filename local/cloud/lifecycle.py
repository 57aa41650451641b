"""Start, deploy and stop the local cloud of one state folder."""

import hashlib
import json
from dataclasses import replace
from typing import Any

from local.cloud import code, deployment, processes, template
from local.cloud.group import ProcessGroup
from local.cloud.options import REGION, STACK_NAME, Options
from local.cloud.packages import Packages
from local.cloud.progress import note, step
from local.stack import STACK_FILE, Stack, StackNotRunningError
from local.wan.settings import DEMO_KEY
from motiondrop.web.links import Links

RUNNING_FILE = "running.json"


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
        """Return the description of the running cloud, or None if no usable one is running."""
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
                processes.free_port(self._options.wan_port)  # if it is taken, fail now with a plain sentence
            described = processes.processes(self._options, self._group, port, runtime)
            self._started_here = True
            self._group.start(described, self._options.owner_pid)
            endpoint_url = f"http://127.0.0.1:{port}"
            processes.wait_for_emulator(self._group, endpoint_url)
            wan_url, console_url = (
                processes.wait_for_address(self._group, name) for name in (processes.WAN, processes.CONSOLE)
            )
            remarks += [endpoint_url, wan_url]
        running = {"endpoint_url": endpoint_url, "wan_url": wan_url, "console_url": console_url, "deployed": ""}
        self._note(running)
        return running

    def _note(self, running: dict[str, Any]) -> None:
        self._running_file.write_text(json.dumps(running))

    def _adjust(self, running: dict[str, Any]) -> None:
        """Give a running cloud the speeds and the video size that the options ask for."""
        scale = {"stepfunctions._SFN_WAIT_SCALE": self._options.wait_scale}
        processes.post_json(f"{running['endpoint_url']}/_ministack/config", dict(scale))
        wanted = {"task_seconds": self._options.wan_task_seconds, "short_side": self._options.wan_short_side}
        settings: dict[str, object] = {name: value for name, value in wanted.items() if value is not None}
        if settings:
            processes.post_json(f"{running['wan_url']}/_control/settings", settings)

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
            template_ = code.Artifact(body.encode(), ".template")  # by URL: a body has 51,200 bytes at most
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
        stack = replace(stack, gallery_url=_gallery_of(stack))
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
            events_topic_arn=outputs.get("EventsTopicArn", ""),
            wan_url=running["wan_url"],
            console_url=running["console_url"],
            mail_dir=self._state_dir / "mail",
            stack_name=STACK_NAME,
            result_page_url=outputs.get("ResultPageUrl", ""),
            drop_page_url=outputs.get("DropPageUrl", ""),
            gallery_url="",
            event_queue_url=outputs.get("EventQueueUrl", ""),
            provider_key_secret=outputs.get("ProviderKeySecret", ""),
            log_dir=self._group.log_dir,
            functions=functions,
            outputs=outputs,
        )

    def give_up(self) -> None:
        """End the cloud if this command started it; a cloud that an earlier command started stays as it is."""
        if self._started_here:
            self.down()

    def last_lines(self) -> str:
        """Return the last lines of the emulator's log."""
        return self._group.tail(processes.EMULATOR)


def _gallery_of(stack: Stack) -> str:
    """The link to the gallery; empty if the template has no pages."""
    if not stack.drop_page_url:
        return ""
    secret = stack.secretsmanager.get_secret_value(SecretId=f"{stack.stack_name}/page-links")["SecretString"]
    return Links(stack.result_page_url, lambda: secret).to_gallery()
