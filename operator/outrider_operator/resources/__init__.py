"""The three kinds as data: schema, defaults, manifests."""
