"""Runs on the node: one bundle of points, each to a complete record. Can be shipped alone."""
