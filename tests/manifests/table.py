"""The table: manifests of the three kinds, and the one verdict on each that all must give.

One entry is read by the API server, by `outrider lint` and by `compile`. Every validation rule of
the CRDs has an accepted and a refused entry here.
"""

from typing import Final

from manifests import backends, objects, policies, route_fields, routes, versions
from manifests.entry import Entry
from manifests.full import SPECS

ENTRIES: Final = (
    *(
        Entry(f"a {kind} with every field", kind, spec, True, "every field")
        for kind, spec in SPECS.items()
    ),
    *backends.ENTRIES,
    *routes.ENTRIES,
    *route_fields.ENTRIES,
    *versions.ENTRIES,
    *policies.ENTRIES,
    *objects.ENTRIES,
)
