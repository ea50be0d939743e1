"""`minigpt`: the engine from the command line. Standard output is data, standard error is talk."""
