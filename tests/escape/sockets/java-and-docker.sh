# line: connect /var/run/docker.sock
# control: works or no java
# inside: refused
# timeout: 60
# The same from a client that uses no C library of its own.
cat >Connect.java <<'JAVA'
import java.net.*;
import java.nio.channels.*;

class Connect {
    public static void main(String[] words) throws Exception {
        try (var channel = SocketChannel.open(StandardProtocolFamily.UNIX)) {
            channel.connect(UnixDomainSocketAddress.of(words[0]));
            System.out.println("result: works");
        } catch (Throwable error) {
            System.out.println("result: refused");
        }
    }
}
JAVA
command -v java >/dev/null || { echo "result: no java"; exit; }
java Connect.java "$LAB/sockets/docker.sock"
