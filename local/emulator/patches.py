"""All patches, in the order in which they are applied. Each is a function whose docstring says what AWS documents."""

from collections.abc import Callable

from local.emulator import (
    cloudformation_resources,
    dynamodb_expressions,
    edge,
    eventbridge_targets,
    execution_environment,
    http_server,
    lambda_invocations,
    s3_checksums,
    s3_tags,
    sns_mail,
    sqs_redrive,
    sqs_sources,
    stepfunctions_api,
    stepfunctions_runs,
    stepfunctions_states,
    stepfunctions_tasks,
    tls,
)

PATCHES: tuple[Callable[[], None], ...] = (
    execution_environment.awslambdaric_environments,
    lambda_invocations.invocation_errors,
    lambda_invocations.bounded_concurrency,
    lambda_invocations.idle_environments_end,
    lambda_invocations.throttled_invocations,
    lambda_invocations.throttled_events_wait,
    lambda_invocations.graceful_updates,
    sqs_sources.event_source_bounds,
    sqs_sources.partial_batch_responses,
    sqs_sources.throttled_batches_wait,
    sqs_redrive.message_move_tasks,
    eventbridge_targets.events_are_retried,
    stepfunctions_runs.executions_end_once,
    stepfunctions_runs.waits_and_moments,
    stepfunctions_states.executions_keep_their_definition,
    stepfunctions_states.assign_evaluates_at_state_entry,
    stepfunctions_states.error_names,
    stepfunctions_tasks.task_tokens,
    stepfunctions_tasks.task_events,
    stepfunctions_tasks.task_tokens_are_authorised,
    stepfunctions_tasks.machine_role_is_enforced,
    stepfunctions_api.start_execution_by_name,
    stepfunctions_api.redrive,
    sns_mail.mails_become_files,
    sns_mail.subjects_are_checked,
    s3_tags.tags_are_checked,
    s3_tags.overwrites_clear_tags,
    s3_checksums.checksums_are_fast,
    s3_checksums.every_object_has_a_checksum,
    s3_checksums.multipart_uploads,
    dynamodb_expressions.expressions_are_read_once,
    cloudformation_resources.yaml_definitions,
    cloudformation_resources.dead_letter_targets,
    cloudformation_resources.reachable_function_urls,
    tls.loopback_counts_as_tls,
    http_server.requests_are_parsed_in_c,
    edge.calls_are_noted,
    edge.services_fail_on_request,
)


def apply_patches() -> None:
    """Patch this process's MiniStack, once, before it serves."""
    for patch in PATCHES:
        patch()
