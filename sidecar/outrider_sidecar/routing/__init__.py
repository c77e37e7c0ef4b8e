"""From a request to a route, a rule and an order of backends."""
