"""Jobs on a Slurm cluster, by its command line: one job array for a sweep, one squeue for all."""
