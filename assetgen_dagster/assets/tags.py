"""The names of run tags: ours, and those of Dagster that we read."""

#: On every run, so that runs can be filtered and limited by channel.
CHANNEL_TAG = "channel"
PROJECT_TAG = "project"

#: Page id of the Notion row that requested the run.
PAGE_TAG = "notion_page"

#: Digest of the row's redraw order that the run carries out, see ``notion.redraw``.
REDRAW_TAG = "notion_redraw"

#: Digest of what the row said when it requested the run, see ``Row.digest``.
ROW_TAG = "notion_row"

#: The command that started the run, such as ``generate``; the run executes in the command's process.
COMMAND_TAG = "command"

#: The run that made the request first: the run itself, unless it retries or repeats another one.
REQUEST_TAG = "request"

#: What was reported about the run to its row (``Reported``). Used if the database has no column for the run.
REPORTED_TAG = "notion_reported"

#: Outcome of showing the run's review sheet.
SHEET_TAG = "notion_review_sheet"

#: The code that stopped the run.
STOPPED_BY_TAG = "stopped_by"

#: Tags that describe the outcome of one run; emptied when Dagster copies them to a re-execution.
OUTCOME_TAGS = (REPORTED_TAG, SHEET_TAG, STOPPED_BY_TAG)

# Dagster's own; it exports no constants for them.
PARTITION_TAG = "dagster/partition"
BACKFILL_TAG = "dagster/backfill"
SENSOR_TAG = "dagster/sensor_name"
PRIORITY_TAG = "dagster/priority"
PARENT_TAG = "dagster/parent_run_id"
PARENT_BACKFILL_TAG = "dagster/parent_backfill_id"
AUTO_RETRY_TAG = "dagster/retry_number"
WILL_RETRY_TAG = "dagster/will_retry"
FAILURE_REASON_TAG = "dagster/failure_reason"
RETRY_TAGS = ("dagster/is_resume_retry", "dagster/is_asset_resume_retry")
