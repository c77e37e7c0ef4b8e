"""What a request leaves behind: metrics, a log line, an id."""
