"""Names of endpoints, including deleted ones whose deliveries are still in the log."""

from collections.abc import Iterable

from posthorn import wiring


def endpoint_names(tenant: str, wanted: Iterable[str]) -> dict[str, str]:
    """Names by id; an endpoint without history has none."""
    config = wiring.config()
    names = {each.id: each.name for each in config.endpoints(tenant)}
    for gone in set(wanted) - names.keys():
        last = next(config.versions(tenant, gone, page=1), None)
        if last:
            names[gone] = last.endpoint.name
    return names
