"""What all runs share because all of them pay with one key: switches, quota, and the limit of requests a minute."""
