"""What is known of a sweep: what was submitted, what came of it, the state of each point."""
