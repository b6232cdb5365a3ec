"""Watching the installation from every process, web and worker alike, so that somebody hears of trouble.

| module    | what it does                                                                    |
| --------- | ------------------------------------------------------------------------------- |
| `threads` | the threads of a process that watch and mail; they never keep it from ending     |

No worker may live, so nothing here needs one. `runtime.alerts` is what an alert is.
"""
