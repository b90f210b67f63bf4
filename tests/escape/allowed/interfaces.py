# line: what plain work needs
# control: works
import socket

# A list of interfaces, asked for by NETLINK_ROUTE as every C library does.
assert "lo" in [name for _, name in socket.if_nameindex()]
