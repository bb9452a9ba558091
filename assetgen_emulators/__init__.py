"""Emulators for other people's APIs over HTTP on localhost, for the demo, the tests and the benchmark."""
