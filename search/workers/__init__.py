"""Ray: its session, each worker's share of the machine, the runner of trials, and what runs in a worker."""
