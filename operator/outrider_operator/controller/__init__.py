"""The control loop: watch, compile, publish, tell."""
