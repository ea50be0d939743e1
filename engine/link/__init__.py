"""A driver at the other end of a local socket: what a window of its own process shows, and how it says what to do.

`frames` puts a JSON header and raw arrays on the wire, `codec` makes frozen values of them and back, `server` stands
beside the drivers, `remote` in the other process. Nothing is pickled; what comes in is checked like a file.
"""
