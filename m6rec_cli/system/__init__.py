"""What every part builds on: errors, progress, directories, processes, the registry of parts."""
