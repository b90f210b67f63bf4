# line: connect /var/run/docker.sock
# control: works
# inside: BindException: Permission denied
# needs: javac
# timeout: 60
# The same from a client that uses no C library of its own.
. "$CASES/client.sh"
client unix "$LAB/sockets/docker.sock"
