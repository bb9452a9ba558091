"""The Gemini API on this machine: an HTTP server that answers like the published API, faults included.

In a test::

    with GeminiEmulator() as gemini:
        gemini.plan([Fault(ApiError(503), nth=5)])
        ...  # run the code under test with GOOGLE_GEMINI_BASE_URL=gemini.base_url
        assert [call.outcome for call in gemini.journal()] == ["ok"] * 4 + ["api_error"]

As a process: ``python -m assetgen_emulators.gemini --port 0 --latency 2 --faults plan.json`` prints its base URL when
it is ready and ends on SIGTERM. It is controlled by GET ``/standin/journal``, POST ``/standin/faults`` and POST
``/standin/reset``; ``read_journal`` reads the first.
"""

from assetgen_emulators.gemini.faults import Fault
from assetgen_emulators.gemini.journal import Call, read_journal
from assetgen_emulators.gemini.server import GeminiEmulator

__all__ = ["Call", "Fault", "GeminiEmulator", "read_journal"]
