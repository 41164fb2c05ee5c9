# Read once, when puma starts: a change of it takes `zdr restart`.

# By the name that the command line has, which goes through `current`: each phased restart goes there again.
directory File.dirname(__FILE__)

# A phased restart needs one worker to serve while another one is replaced, and an application that each loads by itself.
workers 2
preload_app! false
prune_bundler # so that a new Gemfile counts as well

threads 8, 8
worker_boot_timeout 20 # seconds until a worker that hangs as it starts is killed
worker_shutdown_timeout 30 # seconds that an old worker may take to finish
