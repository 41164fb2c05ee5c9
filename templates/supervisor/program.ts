/**
 * The supervisor section of one program, as `zdr setup` writes it. `{{…}}` is filled by agent/core/section.ts; a line
 * whose placeholder has nothing to say is left out. Nothing in it changes with a release.
 */
export const PROGRAM_TEMPLATE = `[{{section}}]
command={{command}}
socket={{socket}}
socket_mode={{socket_mode}}
numprocs={{numprocs}}
process_name={{process_name}}
directory={{directory}}
environment={{environment}}
user={{user}}
autostart={{autostart}}
autorestart=unexpected
startsecs={{startsecs}}
stopsignal={{stopsignal}}
stopwaitsecs={{stopwaitsecs}}
stopasgroup=false
killasgroup=true
redirect_stderr=true
stdout_logfile=AUTO
`;

/** The first lines of a file that zdr wrote, by which it knows its own file again. */
export const FILE_HEADER = `; written by zdr setup from deploy.yml: change it there.
; Nothing here changes with a release. supervisor adopts a changed section only by stopping its program.
`;
