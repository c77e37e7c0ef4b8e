"""The table: manifests of the three kinds, and the one verdict on each that all must give.

One entry is read by the API server, by `outrider lint` and by `compile`. Every validation rule of
the CRDs has an accepted and a refused entry here.
"""

from typing import Final

from manifests import backends, full, largest, objects, policies, route_fields, routes, versions
from manifests.entry import Entry
from outrider_operator.resources.kinds import KINDS

ENTRIES: Final = (
    *(
        Entry(f"{kind} with every field", kind, full.SPECS[kind], True, "every field")
        for kind in KINDS
    ),
    *(
        Entry(f"{kind} as large as may be", kind, largest.SPECS[kind], True, "size")
        for kind in KINDS
    ),
    *backends.ENTRIES,
    *routes.ENTRIES,
    *route_fields.ENTRIES,
    *versions.ENTRIES,
    *policies.ENTRIES,
    *objects.ENTRIES,
)
