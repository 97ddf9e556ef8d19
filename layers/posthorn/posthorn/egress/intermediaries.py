"""Advice for responses of a proxy, CDN or firewall in front of the receiver."""

from collections.abc import Mapping

# Statuses that only one product uses, so they need no header to recognise it.
# Cloudflare: developers.cloudflare.com/support/troubleshooting/http-status-codes. AWS: the user
# guide of Application Load Balancers, "Troubleshoot". nginx: ngx_http_request.h.
STATUS_ADVICE = {
    499: "nginx reports that the proxy in front of it closed the connection before the"
    " application answered: raise that proxy's timeout, or answer 2xx first",
    520: "Cloudflare got an empty or invalid response from the receiver's server: check its log",
    521: "the receiver's server refused Cloudflare's connection: check that it runs and admits"
    " Cloudflare's addresses",
    522: "Cloudflare got no connection to the receiver's server in time: check its firewall",
    523: "Cloudflare has no route to the receiver's server: check the DNS record of the origin",
    524: "the receiver's server did not answer Cloudflare in time: answer 2xx first, then do"
    " the work",
    525: "the TLS handshake between Cloudflare and the receiver's server failed: check the origin's"
    " TLS settings",
    526: "Cloudflare does not trust the certificate of the receiver's server: renew the origin's"
    " certificate",
    527: "the connection between Cloudflare and the receiver's server failed: check the origin",
    530: "Cloudflare cannot resolve or reach the receiver's server: check the origin's DNS record"
    " or tunnel",
    561: "the receiver's AWS load balancer failed to authenticate the request: exempt this path"
    " from its authenticate action",
}
_LIMITED = frozenset({403, 406, 429})


def intermediary(headers: Mapping[str, str]) -> str:
    """The product that made this response in place of the receiver, or ""."""
    server = headers.get("server", "").lower()
    if "cf-mitigated" in headers:
        return "Cloudflare"
    # Cloudflare sets `server` on every response, and a cache status on those of the origin.
    if server == "cloudflare" and "cf-cache-status" not in headers:
        return "Cloudflare"
    if "x-amzn-waf-action" in headers:
        return "AWS WAF"
    if "x-sucuri-block" in headers:
        return "Sucuri"
    if "x-iinfo" in headers and is_html(headers):
        return "Imperva"
    return next((name for prefix, name in _SERVERS.items() if server.startswith(prefix)), "")


# These name themselves only in responses of their own, and otherwise keep the origin's `server`.
_SERVERS = {
    "cloudfront": "CloudFront",
    "akamaighost": "Akamai",
    "awselb": "an AWS load balancer",
    "bigip": "F5 BIG-IP",
    "varnish": "Varnish",
}


def is_html(headers: Mapping[str, str]) -> bool:
    return headers.get("content-type", "").lower().startswith("text/html")


def limit_advice(status: int, headers: Mapping[str, str]) -> str:
    """Advice if an intermediary refused the request in place of the receiver, or ""."""
    name = intermediary(headers)
    if not name or status not in _LIMITED:
        return ""
    if status == 429:
        return f"{name}, in front of the receiver, limits the rate of requests: raise its limit"
    return f"{name}, in front of the receiver, blocked the request: allow it in its rules"


def page_hint(headers: Mapping[str, str]) -> str:
    """A remark on a page in place of the receiver's response, or ""."""
    if not is_html(headers):
        return ""
    name = intermediary(headers)
    if name:
        return f" (an HTML page of {name}, not of the receiver)"
    return " (an HTML page, perhaps from a firewall, proxy or login page in front of the receiver)"
