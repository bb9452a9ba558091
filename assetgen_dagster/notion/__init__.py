"""The task board: rows of a Notion database that ask for pictures, and what is reported to them."""
