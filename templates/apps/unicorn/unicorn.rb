# Read again by unicorn at each HUP, from the new release.

# The folder of this file, found anew at each HUP: without it workers start in the folder of the first release, for ever.
working_directory File.dirname(__FILE__)

# With preload_app the master would load the code once, and HUP would never load it again.
preload_app false

worker_processes 8 # one request at a time each
timeout 30 # seconds that a request may take; then its worker is killed
