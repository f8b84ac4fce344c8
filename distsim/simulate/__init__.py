"""Running a built network: update, exchange, deliver, once per minimum delay."""
