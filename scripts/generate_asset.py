"""Draws one picture with the Gemini API: ``generate_asset.py --prompt=TEXT --output=PATH [--reference-image=PATH]...``.

Runs alone, on the standard library (Pillow only where the API sends something other than PNG). Never retries: who
calls it decides that. Exit 0: a complete PNG is at PATH. Exit 1: it is not, and whatever was at PATH before still is.
A picture that cannot be written to PATH is kept in the temporary folder, as ``assetgen-`` and the name of PATH;
if that name is taken, with process id and time before the name of PATH.

Settings, from the environment, else from a ``.env`` beside this file, else from one in the folder above it:

- ``GEMINI_API_KEY``: required.
- ``GEMINI_IMAGE_MODEL``: ``gemini-nano-banana-2.1`` unless set.
- ``GEMINI_ASPECT_RATIO``: ``16:9`` unless set.
- ``GEMINI_THINKING_LEVEL``: the model's own unless set.
- ``GOOGLE_GEMINI_BASE_URL``: Google's endpoint unless set.

From the environment only: an HTTP proxy in ``https_proxy`` or ``all_proxy``, hosts without it in ``no_proxy``.

Success ends stdout with one line of JSON. ``usage`` is null where the API did not tell::

    {"output": PATH, "model": MODEL, "usage": {"prompt_tokens": 9, "image_tokens": 1120, "text_tokens": 0}}

Failure begins stderr with one sentence for a person, what to do included, and ends it with one line of JSON::

    {"error": {"kind": KIND, "message": STR, "http_status": INT, "api_status": STR, "reason": STR,
               "finish_reason": STR, "block_reason": STR, "retry_after_seconds": FLOAT, "quota_ids": [STR],
               "no_quota": BOOL, "model": MODEL, "received": BOOL}, "usage": {...}}

Every value but kind, message, quota_ids, no_quota, model and received may be null. ``reason`` is the API's, or WEB_PAGE
for a page of something in between, UNTRUSTED_CERTIFICATE or PROXY_REFUSED. ``no_quota`` is true where the API says that
a quota is 0; ``received`` where it has sent a picture, which it will bill. KIND is one of

- ``configuration``: something to set up first: the key, the base URL, a certificate, Pillow.
- ``http``: an error status, or an error inside a 200. One of 502, 504, 520 or 524 without the API's ``api_status`` is a
  gateway's, and the call may have been billed.
- ``network``: the request was not sent whole (refused, unknown host, connection lost before its end).
- ``lost_answer``: it was, and no whole answer came; it may have been billed.
- ``no_image``: a complete answer without a picture (refused, or only text).
- ``file``: the picture cannot be written. ``reference``: a reference picture cannot be used; nothing was sent.
"""

import argparse
import base64
import contextlib
import errno
import json
import os
import re
import sys
import tempfile
import time
import warnings
import zlib
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from io import BytesIO
from ipaddress import ip_address, ip_network
from pathlib import Path
from ssl import SSLCertVerificationError
from typing import Any
from urllib import error, request
from urllib.parse import quote, urlsplit

PUBLIC_API = "https://generativelanguage.googleapis.com"
DEFAULT_MODEL, DEFAULT_ASPECT_RATIO = "gemini-nano-banana-2.1", "16:9"
#: So that it does not hang for ever when run by hand; an orchestrator has its own, shorter limit.
TIMEOUT_SECONDS = 300.0
#: How long a picture that has come waits for space on a full disk.
SPACE_SECONDS = 20.0
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
#: What an answer may take, unpacked: one with a picture, and one with an error, which is cut off in bytes and seconds.
MOST_BYTES, _ERROR_BYTES, _ERROR_SECONDS = 64 << 20, 1 << 20, 10.0
_THIS_MACHINE = ("127.0.0.1", "localhost", "::1")
_PNG = b"\x89PNG\r\n\x1a\n"
#: How the pictures begin that an answer may hold, whatever type it gives them.
_PICTURE = re.compile(rb"(?s)\x89PNG\r\n|\xff\xd8\xff|RIFF....WEBP|GIF8|BM|II\*\x00|MM\x00\*|....ftyp(?:avi|hei|mif)")
#: The pictures that the API takes as references, by their first bytes; each group is a MIME type without "image/".
_REFERENCE = re.compile(
    rb"(?s)(?P<png>\x89PNG\r\n)|(?P<jpeg>\xff\xd8\xff)|(?P<webp>RIFF....WEBP)|....ftyp(?:(?P<heic>hei[cx])|(?P<heif>mif1))"
)
#: The API takes 100 MB a request, base64 included; whoever sends several pictures of this size learns it from the API.
_REFERENCE_MB = 20
#: What the API is quoted with at most, and the longest message.
_QUOTE, _MESSAGE = 200, 2000
#: Statuses of gateways that passed the request on and got no answer.
_NO_ANSWER = (502, 504, 520, 524)
#: What a person can do, by ``reason``.
_HINTS = {
    "API_KEY_INVALID": "check GEMINI_API_KEY",
    "API_KEY_SERVICE_BLOCKED": "add the Generative Language API to the key's API restrictions",
    "SERVICE_DISABLED": "enable the Generative Language API in the key's project",
    "WEB_PAGE": "something between this machine and the API answers: check network, proxy and GOOGLE_GEMINI_BASE_URL",
}
_FIELDS = "kind message http_status api_status reason finish_reason block_reason retry_after_seconds"
_NEVER_NULL = {"quota_ids": [], "no_quota": False, "received": False}


class DrawError(Exception):
    """Why there is no picture: a sentence and a hint for a person, and the fields of the JSON line."""

    def __init__(self, kind: str, text: str, usage: dict[str, int] | None = None, hint: str = "", **more: Any) -> None:
        super().__init__(text)
        self.usage, self.hint, self.fields = usage, hint, {"kind": kind, "message": text} | more

    def as_dict(self, model: str, key: str | None) -> dict[str, Any]:
        """Returns the fields, all of them there, each string bounded and without the key."""
        every = dict.fromkeys(_FIELDS.split()) | _NEVER_NULL | {"model": model} | self.fields
        return {name: _clean(it, key, _MESSAGE) if isinstance(it, str) else it for name, it in every.items()}


def main(argv: list[str] | None = None) -> int:
    """Runs the command and returns its exit code."""
    parser = argparse.ArgumentParser(description="Draw one picture with the Gemini API.", allow_abbrev=False)
    parser.add_argument("--prompt", required=True, help="what to draw (--prompt=TEXT if it begins with a dash)")
    parser.add_argument("--output", required=True, help="where the PNG goes; missing folders are created")
    reference = "a picture of how something in it looks, PNG, JPEG, WebP or HEIC; may be given several times"
    parser.add_argument("--reference-image", action="append", default=[], metavar="PATH", type=Path, help=reference)
    arguments = parser.parse_args(argv)
    settings = read_settings()
    model = settings.get("GEMINI_IMAGE_MODEL", DEFAULT_MODEL).removeprefix("models/")
    try:
        prompt = os.fsencode(arguments.prompt).decode("utf-8", "replace")  # UTF-8, whatever the locale said
        parts = [*map(reference_part, arguments.reference_image), {"text": prompt}]
        done = draw(parts, Path(arguments.output), model, settings)
    except DrawError as failure:
        told = failure.as_dict(model, settings.get("GEMINI_API_KEY"))
        sentence = f"{told['message'].rstrip('.')}; {failure.hint}." if failure.hint else told["message"]
        _say(sys.stderr, f"{sentence}\n{json.dumps({'error': told, 'usage': failure.usage})}")
        return 1
    except KeyboardInterrupt:
        return 1
    _say(sys.stdout, json.dumps(done))
    return 0


def draw(parts: list[dict[str, Any]], output: Path, model: str, settings: dict[str, str]) -> dict[str, Any]:
    """Draws what ``parts`` say into ``output`` and returns what to print; raises DrawError if there is no picture."""
    key = settings.get("GEMINI_API_KEY", "")
    if not key:
        raise DrawError("configuration", "No API key: set GEMINI_API_KEY in the environment or in a .env file.")
    if not re.fullmatch(r"[!-~]+", key):
        raise DrawError("configuration", "GEMINI_API_KEY holds a character that no key has, such as a space.")
    base = _base_url(settings)
    _make_room(output)  # before anything is paid
    shape = {"aspectRatio": settings.get("GEMINI_ASPECT_RATIO", DEFAULT_ASPECT_RATIO)}
    config: dict[str, Any] = {"responseModalities": ["TEXT", "IMAGE"], "imageConfig": shape}
    if level := settings.get("GEMINI_THINKING_LEVEL"):
        config["thinkingConfig"] = {"thinkingLevel": level.upper()}
    question = {"contents": [{"role": "user", "parts": parts}], "generationConfig": config}
    answer = ask(base, model, key, json.dumps(question).encode())
    model = version if isinstance(version := answer.get("modelVersion"), str) and version else model
    image = last_image(answer)
    usage = read_usage(answer, drawn=image is not None)
    if image is None:
        raise _without_image(answer, usage, model, key)
    done = {"output": str(output), "model": model, "usage": usage}
    try:
        keep_png(as_png(image), output, told=json.dumps(done))
    except DrawError as failure:
        failure.usage = usage
        failure.fields |= {"model": model, "received": True}
        raise
    return done


def reference_part(path: Path) -> dict[str, Any]:
    """Returns a reference picture as a part of the request; raises DrawError if it cannot be sent."""
    try:
        with path.open("rb") as file:
            data = file.read(_REFERENCE_MB * 1_000_000 + 1)
    except OSError as failed:
        raise DrawError("reference", f"Reference {path} cannot be read: {failed.strerror}.") from None
    found = _REFERENCE.match(data)
    if found is None or len(data) > _REFERENCE_MB * 1_000_000:
        raise DrawError("reference", f"Reference {path} is no PNG, JPEG, WebP or HEIC up to {_REFERENCE_MB} MB.")
    return {"inlineData": {"mimeType": f"image/{found.lastgroup}", "data": base64.b64encode(data).decode()}}


def read_settings() -> dict[str, str]:
    """Returns the GEMINI_ and GOOGLE_ variables that are set and not empty; the environment wins over ``.env``."""
    pattern = r"""(?m)^[ \t]*(?:export[ \t]+)?(\w+)[ \t]*=[ \t]*(?:"([^"\n]*)"|'([^'\n]*)'|(.*?))[ \t]*(?:[ \t]#.*)?$"""
    here = Path(__file__).resolve().parent
    settings: dict[str, str] = {}
    for folder in (here.parent, here):
        with contextlib.suppress(OSError):
            lines = re.findall(pattern, (folder / ".env").read_text(encoding="utf-8-sig", errors="replace"))
            settings.update((name, "".join(values).strip()) for name, *values in lines if any(values))
    settings.update((name, value.strip()) for name, value in os.environ.items() if value.strip())
    return {name: value for name, value in settings.items() if name.startswith(("GEMINI_", "GOOGLE_"))}


def _base_url(settings: dict[str, str]) -> str:
    base = settings.get("GOOGLE_GEMINI_BASE_URL", PUBLIC_API).rstrip("/").removesuffix("/v1beta")
    try:
        parts = urlsplit(base)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or not re.fullmatch(r"[!-~]+", base) or parts.query or parts.fragment:
        raise DrawError("configuration", "GOOGLE_GEMINI_BASE_URL is no web address such as https://host.")
    return base


def ask(base: str, model: str, key: str, body: bytes) -> dict[str, Any]:
    """Returns the parsed body of a 200; raises DrawError if none came."""
    # Not build_opener: that follows redirects, with the key, and loads certificates even for http.
    opener = request.OpenerDirector()
    scheme, host = urlsplit(base).scheme, urlsplit(base).hostname or ""
    opener.add_handler(request.ProxyHandler(_proxies(scheme, host)))
    opener.add_handler(request.HTTPSHandler() if base.startswith("https") else request.HTTPHandler())
    opener.add_handler(request.HTTPErrorProcessor())
    opener.add_handler(request.HTTPDefaultErrorHandler())
    url = f"{base}/v1beta/models/{quote(model, safe='')}:generateContent"
    call = request.Request(url, body, {"Content-Type": "application/json", "x-goog-api-key": key})  # noqa: S310 - checked
    begun, raw = False, bytearray()
    try:
        with opener.open(call, timeout=TIMEOUT_SECONDS) as response:
            begun = True
            _receive(response, raw, MOST_BYTES, TIMEOUT_SECONDS)
    except error.HTTPError as answer:
        raise _refusal(answer.code, answer.reason, answer.headers, _rest_of(answer), key) from None
    except error.URLError as failed:  # before the whole request was sent
        if isinstance(failed.reason, SSLCertVerificationError):
            text = f"The certificate of {host} is not trusted: {failed.reason.verify_message}."
            hint = "set SSL_CERT_FILE to a file with the certificate authority of your network or proxy"
            raise DrawError("configuration", text, None, hint, reason="UNTRUSTED_CERTIFICATE") from None
        if re.search(r"Tunnel connection failed: 4\d\d", str(failed.reason)):
            text, hint = (
                f"The proxy does not connect to {host}: {failed.reason}.",
                "set https_proxy as the proxy wants it",
            )
            raise DrawError("configuration", text, None, hint, reason="PROXY_REFUSED") from None
        raise DrawError("network", f"{host} cannot be reached: {failed.reason}.") from None
    except (OSError, HTTPException, ValueError, zlib.error) as failed:
        if not begun and isinstance(failed, ValueError):  # a host name that cannot be encoded
            raise DrawError("configuration", f"GOOGLE_GEMINI_BASE_URL cannot be used: {failed!r}.") from None
        # Time ran out while a picture was being drawn, the connection was closed, or something came that broke off.
        why = f"it takes more than {TIMEOUT_SECONDS:g} s" if isinstance(failed, TimeoutError) else repr(failed)
        raise DrawError("lost_answer", f"The answer did not arrive whole and may be billed: {why}.") from None
    text = raw.decode("utf-8-sig", "replace")
    parsed = _json_object(text)
    if _is_page(text) or (parsed and parsed.get("error") and not parsed.get("candidates")):
        raise _refusal(response.status, response.reason, response.headers, raw, key)
    if parsed is None:
        raise DrawError("lost_answer", f"The answer ({len(raw)} bytes) is not complete JSON; it may be billed.")
    return parsed


def _receive(answer: Any, body: bytearray, most: int, seconds: float) -> None:
    """Adds an answer to ``body``, unpacked; raises DrawError or TimeoutError where it exceeds a bound."""
    until, unpacker = time.monotonic() + seconds, None
    packed = answer.headers.get("Content-Encoding", "").lower() in ("gzip", "x-gzip", "deflate")
    while chunk := answer.read1(1 << 16):
        plain = chunk[:1] in b"{[<" and not body  # whatever a header says that a gateway forgot to remove
        if not body and unpacker is None and (packed or chunk.startswith(b"\x1f\x8b")) and not plain:
            unpacker = zlib.decompressobj(wbits=47)  # gzip or zlib, whatever it says
        body += unpacker.decompress(chunk, most + 1 - len(body)) if unpacker else chunk
        if len(body) > most:
            raise DrawError("lost_answer", f"The answer is longer than {most >> 20} MiB; it may be billed.")
        if time.monotonic() > until:
            raise TimeoutError


def _proxies(scheme: str, host: str) -> dict[str, str]:
    """Returns the proxy that the environment names for a host; raises DrawError if it cannot be used."""
    named = request.getproxies()
    variable = f"{scheme if named.get(scheme) else 'all'}_proxy"
    proxy = named.get(variable.removesuffix("_proxy"), "").strip()
    if not proxy or host in _THIS_MACHINE or bypasses_proxy(host, named.get("no", "")) or request.proxy_bypass(host):
        return {}
    proxy = proxy if "://" in proxy else f"http://{proxy}"
    try:
        parts = urlsplit(proxy)
        usable = parts.scheme == "http" and parts.hostname and parts.port != 0 and re.fullmatch(r"[!-~]+", proxy)
    except ValueError:
        usable = False
    if not usable:
        spelled = sorted((name for name in os.environ if name.lower() == variable and os.environ[name]), reverse=True)
        text = f"{next(iter(spelled), variable)} is not the address of an HTTP proxy (http://HOST:PORT), the only kind"
        hint = f"set {scheme}_proxy to one, or add {host} to no_proxy"
        raise DrawError("configuration", f"{text} that is supported.", hint=hint)
    return {scheme: proxy}


def bypasses_proxy(host: str, listed: str) -> bool:
    """Whether no_proxy lists a host: by its name, a domain of it, or a network of its address."""
    for entry in re.split(r"[\s,]+", listed.lower()):
        name = entry.rpartition("://")[2].lstrip("*.").strip("[]")
        name = name.partition(":")[0] if name.count(":") == 1 else name
        if entry == "*" or (name and (host == name or host.endswith(f".{name}"))):
            return True
        with contextlib.suppress(ValueError):
            if ip_address(host) in ip_network(name, strict=False):
                return True
    return False


def _rest_of(answer: Any) -> bytearray:
    raw = bytearray()
    with contextlib.suppress(OSError, HTTPException, ValueError, zlib.error, DrawError):
        _receive(answer, raw, _ERROR_BYTES, _ERROR_SECONDS)
    return raw


def _json_object(text: str) -> dict[str, Any] | None:
    """Returns the JSON object in an answer; of a list, the first."""
    with contextlib.suppress(ValueError, RecursionError):
        parsed = json.loads(text)
        parsed = parsed[0] if isinstance(parsed, list) and parsed else parsed
        return parsed if isinstance(parsed, dict) else None
    return None


def _is_page(text: str) -> bool:
    return text.lstrip().startswith("<")


def _refusal(status: int, phrase: str, headers: Any, raw: bytearray, key: str) -> DrawError:
    """Makes a failure out of an error, whatever the body is; one inside a 200 may have a status of its own."""
    body = raw.decode("utf-8-sig", "replace").replace(key, "***")
    told = _error_of(body)
    code = str(told.get("code"))
    status = int(code) if status < 300 and re.fullmatch(r"[45]\d\d", code) else status
    details = _dicts(told.get("details"))
    delays = [_seconds(headers.get("Retry-After"))] + [_seconds(detail.get("retryDelay")) for detail in details]
    retry_after = max((delay for delay in delays if delay is not None), default=None)
    reason = next((str(detail["reason"]) for detail in details if detail.get("reason")), None)
    reason = "WEB_PAGE" if _is_page(body) else reason
    violations = [violation for detail in details for violation in _dicts(detail.get("violations"))]
    metadata = _dicts([detail.get("metadata") for detail in details])
    quotas = [it.get("quotaId") or it.get("quotaMetric") or it.get("description") for it in violations]
    quotas += [it.get("quota_limit") or it.get("quota_metric") for it in metadata]
    limits = [it.get("quotaValue") for it in violations] + [it.get("quota_limit_value") for it in metadata]
    quota_ids, no_quota = [str(quota)[:_QUOTE] for quota in quotas if quota], "0" in map(str, limits)
    api_status = str(told["status"]) if told.get("status") else None
    said = _clean(str(told.get("message") or ""), key, 5 * _QUOTE).rstrip(".") or phrase
    extras = [f"reason {reason}"] if reason and reason != "WEB_PAGE" else []
    extras += [f"quota {', '.join(quota_ids)}"] if quota_ids else []
    extras += [f"retry after {retry_after:g} s"] if retry_after is not None else []
    with contextlib.suppress(ValueError):
        place = urlsplit(str(headers.get("Location") or "")).hostname if 300 <= status < 400 else None
        extras += [f"leads to {place}"] if place else []
    extras += ["may be billed"] if status in _NO_ANSWER and not api_status else []
    speaker = "A web page came instead of Gemini's answer," if reason == "WEB_PAGE" else "Gemini answered"
    message = f"{speaker} HTTP {status} {api_status or ''}".rstrip() + f": {said}"
    message += f" ({'; '.join(extras)})" if extras else ""
    no_quota = no_quota or (status == 429 and bool(re.search(r"\blimit: ?0\b", said)))
    hint = _hint(status, reason or "", f"{' '.join(quota_ids)} {said}", no_quota=no_quota)
    fields = {"http_status": status, "api_status": api_status, "reason": reason, "quota_ids": quota_ids[:20]}
    return DrawError("http", f"{message}.", None, hint, retry_after_seconds=retry_after, no_quota=no_quota, **fields)


def _hint(status: int, reason: str, said: str, *, no_quota: bool) -> str:
    """Returns what the person in front of it can change, if anything."""
    hints = {
        "enable billing for the key's project": no_quota or status == 402,
        "wait for the next day or raise this quota": status == 429 and re.search(r"(?i)per ?day|\bdaily\b", said),
        "redirects are not followed: set GOOGLE_GEMINI_BASE_URL to where this one leads": 300 <= status < 400,
        "send fewer or smaller reference pictures": status == 413,
        _HINTS.get(reason, ""): reason in _HINTS and status < 500,
        "check GEMINI_API_KEY": status in (401, 403) or reason.startswith("API_KEY"),
        "set GEMINI_IMAGE_MODEL to a model that the API still has": status == 404,
        "change GEMINI_ASPECT_RATIO": status == 400 and "aspect" in said.lower(),
        "change GEMINI_THINKING_LEVEL, or remove it": status == 400 and "thinking level" in said.lower(),
    }
    return next((hint for hint, fits in hints.items() if fits), "")


def _error_of(text: str) -> dict[str, Any]:
    """Returns the ``error`` object of an answer's body; of a page, its words."""
    parsed = _json_object(text)
    if parsed is None:
        page = text[:10_000]  # tags without an end take a time that grows with its square
        body = re.sub(r"(?is)<(head|style|script)\b.*?</\1>|<[^>]*>", " ", page)
        title = re.sub(r"(?is)<(style|script)\b.*?</\1>|<[^>]*>", " ", page)
        return {"message": body if body.strip() else title}
    error = parsed.get("error", parsed)
    return error if isinstance(error, dict) else {"message": str(error or "")}


def _seconds(value: Any) -> float | None:
    """Reads ``12``, ``12.5s`` or an HTTP date as seconds from now."""
    if match := re.fullmatch(r"\s*(\d{1,9}(?:\.\d+)?)\s*s?\s*", str(value)):
        return float(match[1])
    try:
        return max(0.0, round(parsedate_to_datetime(str(value)).timestamp() - time.time(), 1))
    except (ValueError, OverflowError):
        return None


def last_image(answer: dict[str, Any]) -> str | None:
    """Returns the base64 data of the first candidate's last picture that is not a draft among the thoughts."""
    for candidate in _dicts(answer.get("candidates")):
        inline = _dicts([part.get("inlineData") or part.get("inline_data") for part in _parts(candidate)])
        images = [one["data"] for one in inline if isinstance(one.get("data"), str) and _is_picture(one)]
        if images:
            return str(images[-1])
    return None


def _is_picture(inline: dict[str, Any]) -> bool:
    """Whether it says so, or begins like one: some gateways give another type, or none."""
    if str(inline.get("mimeType", inline.get("mime_type", "image/"))).startswith("image/"):
        return True
    with contextlib.suppress(ValueError):
        return bool(_PICTURE.match(_decoded(inline["data"][:64])))
    return False


def _decoded(data: str) -> bytes:
    return base64.b64decode(data.replace("-", "+").replace("_", "/") + "==")


def read_usage(answer: dict[str, Any], *, drawn: bool) -> dict[str, int] | None:
    """Returns the tokens by price class, if the answer tells; ``drawn`` decides what tokens without details are."""
    usage = answer.get("usageMetadata")
    if not isinstance(usage, dict):
        return None
    details = _dicts(usage.get("candidatesTokensDetails"))
    total = _count(usage.get("candidatesTokenCount")) or sum(_count(detail.get("tokenCount")) for detail in details)
    image = sum(_count(detail.get("tokenCount")) for detail in details if detail.get("modality") == "IMAGE")
    image = image if details else total * drawn
    return {
        "prompt_tokens": _count(usage.get("promptTokenCount")),
        "image_tokens": image,
        "text_tokens": max(0, total - image) + _count(usage.get("thoughtsTokenCount")),
    }


def _without_image(answer: dict[str, Any], usage: dict[str, int] | None, model: str, key: str) -> DrawError:
    first = (_dicts(answer.get("candidates")) or [{}])[0]
    feedback = answer.get("promptFeedback")
    block = feedback.get("blockReason") if isinstance(feedback, dict) else None
    finish = first.get("finishReason")
    said = str(first.get("finishMessage") or " ".join(str(part.get("text") or "") for part in _parts(first)))
    message = "Gemini blocked the prompt" if block else "Gemini answered without a picture"
    reasons = [f"blockReason {block}"] * bool(block) + [f"finishReason {finish}"] * bool(finish)
    message += f" ({', '.join(reasons)})" if reasons else ""
    message += f': "{_clean(said, key, _QUOTE)}"' if said.strip() else ""
    refused = block or (finish not in (None, "STOP", "NO_IMAGE", "IMAGE_OTHER", "OTHER", "MAX_TOKENS"))
    hint = "edit this prompt" if refused else ""
    hint = "appeal to Google, which has limited this account" if "PUP_LIMITED_DISABLED" in (block, finish) else hint
    reasons_given = {"finish_reason": str(finish) if finish else None, "block_reason": str(block) if block else None}
    return DrawError("no_image", f"{message}.", usage, hint, model=model, **reasons_given)


def _parts(candidate: dict[str, Any]) -> list[dict[str, Any]]:
    """Returns the parts of a candidate that are no thoughts."""
    content = candidate.get("content")
    parts = _dicts(content.get("parts")) if isinstance(content, dict) else []
    return [part for part in parts if part.get("thought") is not True]


def as_png(data: str) -> bytes:
    """Returns the picture behind the base64 ``data`` as a complete PNG, converting JPEG, WebP and the like."""
    broken = "The picture in the answer was billed, but it is broken"
    try:
        image = _decoded(data)
    except ValueError:
        raise DrawError("lost_answer", f"{broken}: bad base64.") from None
    if image.startswith(_PNG):
        if not is_complete_png(image):
            raise DrawError("lost_answer", f"{broken}: a PNG that breaks off or is damaged.")
        return image
    try:
        from PIL import Image  # noqa: PLC0415 - only where it is needed: it is slow to import and may be missing
    except ImportError:
        raise DrawError("configuration", "The picture is no PNG: install Pillow, which converts it.") from None
    converted = BytesIO()
    try:
        warnings.simplefilter("error", Image.DecompressionBombWarning)  # Pillow would only warn
        with Image.open(BytesIO(image)) as picture:
            shown = picture if picture.mode in ("1", "L", "LA", "P", "RGB", "RGBA") else picture.convert("RGB")
            shown.save(converted, "PNG", compress_level=4)  # a third of the time of the default, a tenth larger
    except Exception as failed:  # decoders raise whatever they like at damaged bytes
        raise DrawError("lost_answer", f"{broken}: {failed!r}.") from None
    return converted.getvalue()


def is_complete_png(data: bytes) -> bool:
    """Whether the chunks from IHDR to IEND are all there with the right checksums, without unpacking the pixels."""
    position, kinds = len(_PNG), [b""]
    while kinds[-1] != b"IEND":
        end = position + 8 + int.from_bytes(data[position : position + 4], "big")
        if end + 4 > len(data) or zlib.crc32(data[position + 4 : end]) != int.from_bytes(data[end : end + 4], "big"):
            return False
        kinds.append(data[position + 4 : position + 8])
        position = end + 4
    return kinds[1] == b"IHDR" and b"IDAT" in kinds and data[16:20] != bytes(4) != data[20:24]


def _make_room(output: Path) -> None:
    """Finds out before the call whether the picture could be written at all."""
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        if output.is_dir() or not os.access(output.parent, os.W_OK | os.X_OK):
            raise _unwritable(output, "it is a folder" if output.is_dir() else "its folder is read-only for this user")
    except OSError as failed:
        raise _unwritable(output, failed.strerror) from None


def keep_png(data: bytes, output: Path, *, told: str) -> None:
    """Writes the picture, which is paid for: waits for space on a full disk, else leaves it in the temporary folder.

    We may be killed while we wait, so before that it is kept, and what it cost is ``told``.
    """
    deadline = time.monotonic() + SPACE_SECONDS
    kept: Path | None = None
    while True:
        try:
            write_png(data, output)
        except DrawError as failure:
            if kept is None and (kept := _keep_elsewhere(data, output)):
                _say(sys.stdout, told)
            full = isinstance(failure.__cause__, OSError) and failure.__cause__.errno in _FULL
            if not full or time.monotonic() > deadline:
                failure.hint = f"it is kept at {kept}" if kept else failure.hint
                raise
            time.sleep(1)
        else:
            if kept:
                with contextlib.suppress(OSError):
                    kept.unlink()
            return


def _keep_elsewhere(data: bytes, output: Path) -> Path | None:
    """Writes the picture to the temporary folder, under a name that tells whose it is; returns None if that fails."""
    for name in (output.name, f"{os.getpid()}-{time.time_ns()}-{output.name}"):
        kept = Path(tempfile.gettempdir()) / f"assetgen-{name}"
        try:
            with open(kept, "xb", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
                file.write(data)
        except FileExistsError:
            continue  # not ours to replace
        except OSError:
            with contextlib.suppress(OSError):
                kept.unlink()
            return None
        return kept
    return None


def write_png(data: bytes, output: Path) -> None:
    """Puts ``data`` at ``output`` in one step: whole, or not at all."""
    partial = output.parent / f".generate_asset-{os.getpid()}-{time.time_ns()}.png"
    try:
        with partial.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(output)
    except OSError as failed:
        raise _unwritable(output, failed.strerror) from failed
    finally:
        with contextlib.suppress(OSError):
            partial.unlink()  # there only if something went wrong


def _unwritable(path: Path, why: str | None) -> DrawError:
    return DrawError("file", f"The picture cannot be written to {path}: {why or 'unknown error'}.")


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _count(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def _clean(text: str, key: str | None, limit: int) -> str:
    """Makes one line of ``text``; masks the key first and shortens then, because half a key is a secret too."""
    line = " ".join((text.replace(key, "***") if key else text).split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def _say(stream: Any, text: str) -> None:
    """Prints ``text``; a stream that is closed or full is no reason to fail."""
    try:
        stream.write(f"{text}\n")
        stream.flush()
    except (OSError, ValueError, AttributeError):
        with contextlib.suppress(OSError, ValueError, AttributeError):  # else the flush at exit fails again: exit 120
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


if __name__ == "__main__":
    sys.exit(main())
