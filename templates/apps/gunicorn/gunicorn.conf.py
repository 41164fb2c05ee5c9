# Read again by gunicorn at each HUP, from the new release.
workers = 2
worker_class = "gthread"  # threads, so that a slow request does not hold up the others, and connections are kept alive
threads = 8
keepalive = 15  # seconds that an idle connection stays open
graceful_timeout = 30  # seconds that an old worker may take to finish; supervisor's stopwaitsecs should be longer
