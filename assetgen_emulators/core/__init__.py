"""What every emulator is: an HTTP server in threads of this process, with a journal and a fault plan."""
