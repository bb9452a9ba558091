"""A producer's own script, as such scripts are: knows nothing of us.

Emoji on stdout, a traceback on stderr, no JSON, saves straight to the final path, options of its own.
"""

import argparse
import base64
import json
import os
import sys
import urllib.request

parser = argparse.ArgumentParser()
parser.add_argument("--prompt", required=True)
parser.add_argument("--output", required=True)
parser.add_argument("--style", default="photorealistic")
parser.add_argument("--reference-image", action="append", default=[])
args = parser.parse_args()

print("🎨 Generating", args.prompt[:40], "…", flush=True)
request = urllib.request.Request(
    os.environ["GOOGLE_GEMINI_BASE_URL"] + "/v1beta/models/gemini-2.5-flash-image:generateContent",
    data=json.dumps({"contents": [{"parts": [{"text": args.prompt}]}]}).encode(),
    headers={"content-type": "application/json", "x-goog-api-key": os.environ["GEMINI_API_KEY"]},
)
answer = json.load(urllib.request.urlopen(request))
image = answer["candidates"][0]["content"]["parts"][0]["inlineData"]["data"]
os.makedirs(os.path.dirname(args.output), exist_ok=True)
with open(args.output, "wb") as file:
    file.write(base64.b64decode(image))
print("✅ Saved to", args.output)
print("⚠️ DeprecationWarning: this SDK is deprecated", file=sys.stderr)
