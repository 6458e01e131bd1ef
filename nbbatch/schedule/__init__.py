"""Sweeps that run by themselves: cron's lines, one run at a time, reuse, retention, news."""
