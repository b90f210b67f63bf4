# line: kill -9 / SIGSTOP the supervisor
# control: the agent lives
# inside: the agent is dead, 125
# runs: around
# Somebody outside kills the broker: the agent dies, and the run has failed.
. "$(dirname "$0")/killed.sh"
killed broker
