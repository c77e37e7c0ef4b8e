"""What the APIs of providers say, as bytes: requests, answers, events, errors."""
