"""What `dev.py` runs: environments, locks, checks. Standard library only: it works before anything is installed."""
