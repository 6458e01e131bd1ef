"""What came out: one row a point, its files, what failed and why, the summary notebook."""
