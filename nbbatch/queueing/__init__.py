"""Between a sweep and its scheduler: what is sent, in which jobs, and what is sent again."""
