"""Troubles in plain words: which sentence an operator reads, and which setting or click it points to."""

from assetgen_dagster.errors import Code
from assetgen_dagster.notion.errors import BoardError, BoardUnavailableError
from assetgen_dagster.notion.trouble import Kind, Trouble

SHARE = (
    "Open the database in Notion as a full page, click ••• at the top right, then Connections, and choose the "
    "integration"
)


def explain(trouble: Trouble, *, doing: str) -> BoardError:
    """Returns the error for a call that is given up.

    Args:
        trouble: Why it failed last.
        doing: What was being done, to follow "Notion: could not".
    """
    cause = trouble.cause.rstrip(". ")
    match trouble.kind:
        case Kind.TOKEN:
            return BoardError(
                "Notion does not accept the token. Set NOTION_TOKEN to the integration's secret "
                "(notion.so/profile/integrations, choose the integration, Internal Integration Secret).",
                code=Code.NOTION_TOKEN,
                setting="NOTION_TOKEN",
                trouble=trouble,
            )
        case Kind.FORBIDDEN:
            return BoardError(
                f"Notion does not allow the integration to {doing} ({cause}). At notion.so/profile/integrations, in "
                "the integration's Capabilities, tick Read content and Update content.",
                code=Code.NOTION_RIGHTS,
                setting="NOTION_TOKEN",
                trouble=trouble,
            )
        case Kind.FULL:
            return BoardError(
                f"Notion could not {doing}: the workspace has had its 1,000 free blocks ({cause}). Upgrade it, or set "
                "NOTION_REVIEW_SHEET=false: without the box on the rows' pages, nothing of ours needs blocks.",
                code=Code.NOTION_FULL,
                setting="NOTION_REVIEW_SHEET",
                trouble=trouble,
            )
        case Kind.MISSING:
            return BoardError(
                f"Notion could not {doing}: it is not there, or not shared with the integration ({cause}). {SHARE}.",
                code=Code.NOTION_NOT_SHARED,
                setting="NOTION_DATABASE_ID",
                trouble=trouble,
            )
        case Kind.BLOCKED:
            return BoardError(
                f"Notion has blocked the integration's requests ({cause}); waiting does not help. Ask Notion's support "
                "why, or set NOTION_TOKEN to another integration's secret.",
                code=Code.NOTION_BLOCKED,
                setting="NOTION_TOKEN",
                trouble=trouble,
            )
        case Kind.ENDPOINT:
            return BoardError(
                f"Notion could not be called: {cause}. Check NOTION_BASE_URL (unset means Notion itself) and proxies.",
                code=Code.NOTION_ADDRESS,
                setting="NOTION_BASE_URL",
                trouble=trouble,
            )
        case Kind.INVALID:
            return BoardError(f"Notion refused to {doing}: {cause}.", code=Code.NOTION_REFUSED, trouble=trouble)
    busy = "asks us to wait" if trouble.kind is Kind.BUSY else "is not available just now"
    return BoardUnavailableError(
        f"Notion {busy}: could not {doing} ({cause}). It is tried again later.", trouble=trouble
    )


def not_shared(database_id: str) -> BoardError:
    """Returns the error for a database that the integration cannot see."""
    return BoardError(
        f"Notion shows the integration no database {database_id}. {SHARE}; or set NOTION_DATABASE_ID to the right "
        "database (the 32 characters in its link, before '?v=').",
        code=Code.NOTION_NOT_SHARED,
        setting="NOTION_DATABASE_ID",
    )
