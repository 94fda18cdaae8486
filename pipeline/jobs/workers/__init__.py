"""What a worker process does: runs jobs, makes parts of others, answers requests for frames, and works ahead."""
