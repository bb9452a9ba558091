"""``assetgen doctor``: everything that has to be in order before a picture is paid for, each in one line.

A check returns what it found and raises nothing that a user can cause. Nothing is drawn, no row is changed, nothing
costs money.
"""
