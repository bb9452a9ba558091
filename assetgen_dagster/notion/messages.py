"""Error messages for failed calls: each says what to do and names the setting or the click in Notion."""

from assetgen_dagster.errors import Code
from assetgen_dagster.notion.call_failures import CallFailure, FailureKind
from assetgen_dagster.notion.errors import BoardError, BoardUnavailableError

SHARE = (
    "Open the database in Notion as a full page, click ••• at the top right, then Connections, and choose the "
    "integration"
)


def board_error(failure: CallFailure, *, action: str) -> BoardError:
    """Returns the error for a call that failed for good.

    Args:
        failure: Why the last attempt failed.
        action: The action that failed; follows "could not".
    """
    cause = failure.cause.rstrip(". ")
    match failure.kind:
        case FailureKind.TOKEN:
            return BoardError(
                "Notion does not accept the token. Set NOTION_TOKEN to the integration's secret "
                "(notion.so/profile/integrations, choose the integration, Internal Integration Secret).",
                code=Code.NOTION_TOKEN,
                setting="NOTION_TOKEN",
                failure=failure,
            )
        case FailureKind.FORBIDDEN:
            return BoardError(
                f"Notion does not allow the integration to {action} ({cause}). At notion.so/profile/integrations, in "
                "the integration's Capabilities, tick Read content and Update content.",
                code=Code.NOTION_RIGHTS,
                setting="NOTION_TOKEN",
                failure=failure,
            )
        case FailureKind.FULL:
            return BoardError(
                f"Notion could not {action}: the workspace has used its 1,000 free blocks ({cause}). Upgrade it, or "
                "set NOTION_REVIEW_SHEET=false: only the review sheets on the rows' pages need blocks.",
                code=Code.NOTION_FULL,
                setting="NOTION_REVIEW_SHEET",
                failure=failure,
            )
        case FailureKind.MISSING:
            return BoardError(
                f"Notion could not {action}: it does not exist, or is not shared with the integration ({cause}). "
                f"{SHARE}.",
                code=Code.NOTION_NOT_SHARED,
                setting="NOTION_DATABASE_ID",
                failure=failure,
            )
        case FailureKind.BLOCKED:
            return BoardError(
                f"Notion has blocked the integration's requests ({cause}); waiting does not help. Contact Notion's "
                "support, or set NOTION_TOKEN to another integration's secret.",
                code=Code.NOTION_BLOCKED,
                setting="NOTION_TOKEN",
                failure=failure,
            )
        case FailureKind.ENDPOINT:
            return BoardError(
                f"Notion could not be called: {cause}. Check NOTION_BASE_URL (unset means Notion itself) and proxies.",
                code=Code.NOTION_ADDRESS,
                setting="NOTION_BASE_URL",
                failure=failure,
            )
        case FailureKind.INVALID:
            return BoardError(f"Notion refused to {action}: {cause}.", code=Code.NOTION_REFUSED, failure=failure)
    busy = "asks us to wait" if failure.kind is FailureKind.BUSY else "is not available just now"
    return BoardUnavailableError(f"Notion {busy}: could not {action} ({cause}).", failure=failure)


def not_shared(database_id: str) -> BoardError:
    """Returns the error for a database that is not shared with the integration."""
    return BoardError(
        f"Notion shows the integration no database {database_id}. {SHARE}; or set NOTION_DATABASE_ID to the right "
        "database (the 32 characters in its link, before '?v=').",
        code=Code.NOTION_NOT_SHARED,
        setting="NOTION_DATABASE_ID",
    )
