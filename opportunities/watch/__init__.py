"""Watching the installation from every process, web and worker alike, so that somebody hears of trouble.

| module    | what it holds                                                                        |
| --------- | ------------------------------------------------------------------------------------ |
| `causes`  | what is wrong now, cause by cause, and for how long it must stand before it is told  |
| `watcher` | opens and closes the alerts of that, also where the database takes none              |
| `threads` | the threads of a process that watch and mail; they never keep it from ending         |

No worker may live, so nothing here needs one. `runtime.alerts` is what an alert is.
"""
