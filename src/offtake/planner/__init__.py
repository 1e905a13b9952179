"""The years clock: what to build, lease and borrow at least cost under the agreements."""
