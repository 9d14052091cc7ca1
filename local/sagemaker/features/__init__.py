"""Feature Store, online and offline."""
