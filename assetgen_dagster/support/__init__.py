"""What every package may use and that knows nothing of pictures: files, secrets, dates, threads, PostgreSQL."""
