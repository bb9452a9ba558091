"""HTTP clients for the APIs that the package itself calls: proxies, certificates, bounds on what is answered.

The environment's proxies are read here, because httpx fails on values that other programs accept. The script that draws
is a program of its own and follows the same rules; a test compares the two.
"""

import functools
import os
import re
import ssl
import time
import zlib
from collections.abc import Callable, Collection, Iterator
from datetime import UTC
from email.utils import parsedate_to_datetime
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from assetgen_dagster.errors import AssetgenError, Code

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_GZIP = b"\x1f\x8b"
_PACKED = ("gzip", "x-gzip", "deflate")


class NetworkSettingError(AssetgenError):
    """A proxy or certificate of the environment cannot be used.

    Attributes:
        setting: The variable.
    """

    def __init__(self, setting: str, message: str) -> None:
        super().__init__(message, code=Code.CONFIGURATION)
        self.setting = setting


class AnswerTooLongError(httpx.DecodingError):
    """An answer, unpacked, exceeds its bound."""


def open_client(url: str, *, seconds: float, most_bytes: int, until: Callable[[], float] | None = None) -> httpx.Client:
    """Returns a client for the host of a URL, to be closed after use.

    A longer or slower answer than allowed raises ``AnswerTooLongError`` or ``httpx.ReadTimeout``; one with an error
    status is cut off instead.

    Args:
        url: Any URL of that host.
        seconds: Time limit of each phase of a request.
        most_bytes: The longest answer, unpacked.
        until: Returns when the answer to the present request must be complete, on the monotonic clock; by default
            ``seconds`` from now.

    Raises:
        NetworkSettingError: A proxy or certificate of the environment cannot be used.
        httpx.InvalidURL: The URL is none.
    """
    end = time.monotonic() + seconds
    proxy = proxy_for(url)

    def bound(response: httpx.Response) -> None:
        if isinstance(response.stream, httpx.SyncByteStream):
            response.stream = _Bounded(response.stream, response, most_bytes, until() if until else end)
            response.headers.pop("content-encoding", None)  # unpacked by the stream

    def ask_for_gzip(request: httpx.Request) -> None:
        request.headers["Accept-Encoding"] = "gzip"

    try:
        return httpx.Client(
            timeout=seconds,
            proxy=proxy,
            verify=certificates() if httpx.URL(url).scheme == "https" else no_certificates(),
            trust_env=False,
            event_hooks={"request": [ask_for_gzip], "response": [bound]},
        )
    except (ValueError, httpx.InvalidURL):
        raise _unusable_proxy(url) from None


def proxy_for(url: str, *, schemes: Collection[str] = ("http", "https")) -> str | None:
    """Returns the proxy that the environment names for a URL; None for a direct connection.

    Args:
        url: The URL.
        schemes: The kinds of proxies that the caller can use.

    Raises:
        NetworkSettingError: It is of another kind, or no address.
    """
    target, named = httpx.URL(url), getproxies()
    proxy = (named.get(target.scheme) or named.get("all") or "").strip()
    if not proxy or target.host in _LOOPBACK or bypasses_proxy(target.host, named.get("no", "")):
        return None
    if proxy_bypass(target.host):  # macOS and Windows have lists of their own
        return None
    proxy = proxy if "://" in proxy else f"http://{proxy}"
    try:
        parts = urlsplit(proxy)
        usable = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
        usable = usable and re.fullmatch(r"[!-~]+", proxy) is not None
    except ValueError:
        usable = False
    if not usable:
        raise _unusable_proxy(url)
    return proxy


def bypasses_proxy(host: str, listed: str) -> bool:
    """Returns whether ``no_proxy`` lists a host: by its name, a domain of it, or a network of its address."""
    for entry in re.split(r"[\s,]+", listed.lower()):
        name = entry.rpartition("://")[2].lstrip("*.").strip("[]")
        name = name.partition(":")[0] if name.count(":") == 1 else name
        if entry == "*" or (name and (host == name or host.endswith(f".{name}"))):
            return True
        try:
            if ip_address(host) in ip_network(name, strict=False):
                return True
        except ValueError:
            continue
    return False


def retry_after(value: str | None, *, now: float) -> float | None:
    """Returns the seconds that a Retry-After header asks for, in either form; None if it is absent or invalid.

    Args:
        value: The header.
        now: Unix time, for a date.
    """
    if not value:
        return None
    if re.fullmatch(r"\s*\d+(\.\d+)?\s*", value):
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
        # "-0000" gives a time without zone, which is UTC all the same.
        return max(0.0, (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - now)
    except (ValueError, OverflowError):
        return None


class _Bounded(httpx.SyncByteStream):
    """The body of a response, unpacked, within its bounds; httpx limits only the pauses within it."""

    def __init__(self, stream: httpx.SyncByteStream, response: httpx.Response, most: int, until: float) -> None:
        self._stream = stream
        self._encoding = response.headers.get("content-encoding", "").strip().lower()
        self._cut = response.is_error
        self._request = response.request
        self._most = most
        self._until = until

    def __iter__(self) -> Iterator[bytes]:
        size = 0
        for data in self._unpacked():
            size += len(data)
            too_long, too_late = size > self._most, time.monotonic() > self._until
            if too_long and not self._cut:
                raise AnswerTooLongError(f"the answer is longer than {self._most >> 20} MiB", request=self._request)
            if too_late and not self._cut:
                raise httpx.ReadTimeout("The answer takes too long.", request=self._request)
            yield data
            if too_long or too_late:
                return

    def _unpacked(self) -> Iterator[bytes]:
        unpacker = None
        for number, chunk in enumerate(self._stream):
            if chunk[:1] in (b"{", b"[", b"<") and number == 0:
                pass  # whatever a header says that a gateway forgot to remove
            elif number == 0 and (self._encoding in _PACKED or chunk.startswith(_GZIP)):
                unpacker = zlib.decompressobj(wbits=47)  # gzip or zlib, whatever it says
            elif number == 0 and self._encoding not in ("", "identity"):
                raise httpx.DecodingError(f"the answer is packed as {self._encoding[:20]}", request=self._request)
            try:
                yield unpacker.decompress(chunk, self._most + 1) if unpacker else chunk
            except zlib.error as error:
                raise httpx.DecodingError(str(error), request=self._request) from None

    def close(self) -> None:
        self._stream.close()


@functools.cache
def certificates() -> ssl.SSLContext:
    """Returns the trusted certificates; loading them takes longer than a request, so it happens once.

    Raises:
        NetworkSettingError: The environment names other ones, which cannot be read.
    """
    try:
        return httpx.create_ssl_context()
    except OSError as error:
        named = next((name for name in ("SSL_CERT_FILE", "SSL_CERT_DIR") if os.environ.get(name)), "SSL_CERT_FILE")
        raise NetworkSettingError(
            named, f"{named} names no certificates that can be read ({error.strerror or error}). Correct or unset it."
        ) from None


def no_certificates() -> ssl.SSLContext:
    """Returns a context for a client that makes no TLS connection: it trusts nobody, and costs no time."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _unusable_proxy(url: str) -> NetworkSettingError:
    target = httpx.URL(url)
    variable = f"{target.scheme if getproxies().get(target.scheme) else 'all'}_proxy"
    spelled = sorted((name for name in os.environ if name.lower() == variable and os.environ[name]), reverse=True)
    setting = next(iter(spelled), variable)
    return NetworkSettingError(
        setting,
        f"{setting} is not the address of an HTTP proxy (http://HOST:PORT), the only kind that is supported. Set "
        f"{target.scheme}_proxy to one, or add {target.host} to no_proxy.",
    )
