import java.net.Authenticator;
import java.net.InetSocketAddress;
import java.net.PasswordAuthentication;
import java.net.ProxySelector;
import java.net.StandardProtocolFamily;
import java.net.URI;
import java.net.UnixDomainSocketAddress;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.channels.SocketChannel;
import java.time.Duration;

/** Java's own clients, which know nothing of the variables that other programs read. */
class Client {
    public static void main(String[] words) throws Exception {
        String said;
        try {
            said = words[0].equals("unix") ? unix(words[1]) : http(words[0].equals("proxy"), words[1]);
        } catch (Throwable error) {
            said = error.getClass().getSimpleName() + ": " + reason(error);
        }
        System.out.println("result: " + said);
        System.exit(0);
    }

    /** What the innermost cause says. */
    static String reason(Throwable error) {
        return error.getCause() == null ? error.getMessage() : reason(error.getCause());
    }

    static String unix(String path) throws Exception {
        try (var channel = SocketChannel.open(StandardProtocolFamily.UNIX)) {
            channel.connect(UnixDomainSocketAddress.of(path));
            return "works";
        }
    }

    static String http(boolean byProxy, String url) throws Exception {
        var client = HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(8));
        if (byProxy) {
            var proxy = URI.create(System.getenv("HTTP_PROXY"));
            var user = proxy.getUserInfo().split(":");
            client.proxy(ProxySelector.of(new InetSocketAddress(proxy.getHost(), proxy.getPort())));
            client.authenticator(new Authenticator() {
                protected PasswordAuthentication getPasswordAuthentication() {
                    return new PasswordAuthentication(user[0], user[1].toCharArray());
                }
            });
        }
        var answer = client.build().send(HttpRequest.newBuilder(URI.create(url)).build(), BodyHandlers.ofString());
        return Integer.toString(answer.statusCode());
    }
}
