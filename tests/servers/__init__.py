"""Real servers for the tests: started by the run, gone with it."""
