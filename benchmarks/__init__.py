"""Times of Decision OS and of what one would use instead, taken in one run and compared as ratios: `python -m benchmarks`."""
