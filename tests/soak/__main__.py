"""Rows become pictures while everything fails that can: faults by lot, and a SIGKILL every twenty seconds.

``make soak`` runs the services of ``deploy/compose/compose.yaml``, on PostgreSQL and against both emulators,
three runs at a time, and starts again what has ended. At the end the faults are over, every row has to become final,
and the books have to balance: exit code 1 if anything is not as it must be. The folder that is named at the start then
holds all there is to look at.
"""

import argparse
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from assetgen_dagster.settings import ENV_FILE_VARIABLE, NONE, default_environment
from assetgen_emulators.gemini import GeminiEmulator
from assetgen_emulators.notion import NotionEmulator
from tests.helpers.harness import SETTINGS
from tests.helpers.postgres import running_postgres
from tests.soak.soak import Soak, Wishes


def main() -> int:
    """Runs a soak and returns the exit code."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored behind a script's "&"; services would be deaf
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description="Rows become pictures while all fails.")
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(2)), help="decides what goes wrong when")
    parser.add_argument("--minutes", type=float, default=10.0, help="of faults and kills; the end takes longer")
    parser.add_argument("--projects", type=int, default=12, help="rows on the board")
    parser.add_argument("--folder", type=Path, help="where everything of it goes; a temporary one unless given")
    wishes = parser.parse_args()
    folder = wishes.folder or Path(tempfile.mkdtemp(prefix=f"soak-{wishes.seed}-"))
    folder.mkdir(parents=True, exist_ok=True)
    print(f"Seed {wishes.seed}: {wishes.projects} projects, {wishes.minutes:g} minutes. Everything is in {folder}")
    with (
        running_postgres() as postgres,
        postgres.database() as url,
        GeminiEmulator() as gemini,
        NotionEmulator() as notion,
    ):
        _set_environment(folder, url, gemini, notion)
        soak = Soak(Wishes(wishes.seed, wishes.minutes, wishes.projects), folder, postgres, gemini, notion)
        violations = soak.run()
    for violation in violations:
        print(f"VIOLATION: {violation}")
    print(f"Seed {wishes.seed}: {'as it must be' if not violations else f'{len(violations)} violations, see {folder}'}")
    if not violations and wishes.folder is None:
        shutil.rmtree(folder)
    return 1 if violations else 0


def _set_environment(folder: Path, url: str, gemini: GeminiEmulator, notion: NotionEmulator) -> None:
    """Names every setting, so that nothing of a developer's own has a say."""
    for name in list(os.environ):
        if name.startswith(SETTINGS):
            del os.environ[name]
    os.environ |= default_environment() | {
        ENV_FILE_VARIABLE: NONE,
        "ASSETGEN_CHANNELS_FILE": NONE,
        "ASSETGEN_IMAGE_TIMEOUT_SECONDS": "45",
        "ASSETGEN_POSTGRES_URL": url,
        "ASSETGEN_WORKSPACE": str(folder / "workspace"),
        "DAGSTER_DISABLE_TELEMETRY": "yes",
        "DAGSTER_HOME": str(folder / "dagster_home"),
        "GEMINI_API_KEY": "soak-key",
        "GOOGLE_GEMINI_BASE_URL": gemini.base_url,
        "NOTION_TOKEN": notion.token,
        "NOTION_DATABASE_ID": notion.create_database(channels=("poke1", "poke2", "poke3")),
        "NOTION_BASE_URL": notion.base_url,
    }


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("Interrupted: everything was ended.")
