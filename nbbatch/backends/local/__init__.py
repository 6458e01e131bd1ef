"""Jobs on this machine: a detached supervisor, its workers, and who looks after them."""
