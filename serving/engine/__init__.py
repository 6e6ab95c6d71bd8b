"""What turns waiting texts into answers: admission, deadlines, threads, capacity."""
