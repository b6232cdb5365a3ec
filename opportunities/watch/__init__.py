"""Watching the installation from every process, web and worker, so that somebody is told of trouble.

| module    | what it holds                                                                        |
| --------- | ------------------------------------------------------------------------------------ |
| `causes`  | what is wrong now, cause by cause, and how long it must last before its alert opens   |
| `watcher` | opens and closes these alerts, also when the database cannot store them              |
| `threads` | the threads of a process that watch and mail; they never prevent its end             |

Nothing here needs a worker, because all of them may be gone. `runtime.alerts` defines alerts.
"""
