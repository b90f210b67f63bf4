# line: kill -9 / SIGSTOP the supervisor
# control: the agent lives
# inside: the agent is dead
# runs: around
# Somebody outside kills the supervisor: the agent dies with it.
. "$(dirname "$0")/killed.sh"
killed supervisor
