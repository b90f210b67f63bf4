"""Measures the gateway: gateway.py BINARY PEERS, in a directory that holds `ways` (ways.c). PEERS is where peers.sh installs.

Far ends, gateways and clients are on one loopback. Tunnels carry bytes behind a ClientHello, as a gateway sees TLS, and TLS from
end to end; beside Tidewaiter's, whose client is locked in, stand a direct connection and the proxies that are installed. Each
is measured in turn, several times over, and the best of each is compared: what else the machine does only ever takes away.
A bound that is missed is marked with `!`.
"""

import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time

BINARY, PEERS = sys.argv[1:]
ROUNDS = int(os.environ.get("TIDEWAITER_BENCH_ROUNDS", "5"))
HERE = os.getcwd()
OF_SRT = "node_modules/@anthropic-ai/sandbox-runtime/dist/sandbox/http-proxy.js"
started, missed = [], []


def row(what, value, bound, unit, least=False):
    over = bound is not None and (value < bound if least else value > bound)
    if over:
        missed.append(what)
    limit = f"{'>=' if least else '<='} {bound:g} {unit}" if bound is not None else ""
    print(f"{'!' if over else ' '} {what:<58} {value:10.2f} {unit:<6} {limit}", flush=True)


def background(command, **options):
    started.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options))


def written(path):
    end = time.time() + 10
    while time.time() < end:
        if os.path.exists(path) and (text := open(path).read()).endswith("\n"):
            return int(text)
        time.sleep(0.02)
    sys.exit(f"bench: nobody wrote {path}")


def numbers(command, **options):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, **options)
    if done.returncode != 0:
        return None, (done.stderr.strip() or "no reason").splitlines()[-1][-150:]
    return [float(word) for word in done.stdout.split() if word.replace(".", "", 1).isdigit()], None


def client_hello():
    """What a TLS client says first when it means localhost."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    try:
        ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname="localhost").do_handshake()
    except ssl.SSLWantReadError:
        pass
    with open("hello", "wb") as file:
        file.write(outgoing.read())


def tinyproxy(ports):
    with open("tinyproxy.conf", "w") as conf:
        conf.write("Port 18888\nListen 127.0.0.1\nTimeout 60\nMaxClients 4000\nLogLevel Error\n")
        conf.write(f'LogFile "{HERE}/tinyproxy.log"\n' + "".join(f"ConnectPort {port}\n" for port in ports))
    background(["tinyproxy", "-d", "-c", "tinyproxy.conf"])


def squid(_):
    with open("squid.conf", "w") as conf:
        conf.write("http_port 127.0.0.1:18889\nhttp_access allow localhost\nhttp_access deny all\naccess_log none\ncache deny all\n")
        conf.write(f"cache_log {HERE}/squid.log\npid_filename {HERE}/squid.pid\nshutdown_lifetime 0 seconds\npinger_enable off\n")
        conf.write("cache_effective_user proxy\n" if os.geteuid() == 0 else "")
    os.close(os.open("squid.log", os.O_CREAT, 0o666))
    os.chmod("squid.log", 0o666)
    background(["squid", "-N", "-f", f"{HERE}/squid.conf"])


def srt(_):
    """Its proxy is a function of its package."""
    with open("srt.mjs", "w") as script:
        script.write(f'import {{ createHttpProxyServer }} from "{PEERS}/{OF_SRT}";\n')
        script.write('createHttpProxyServer({ filter: (port, host) => host === "localhost" }).listen(18890, "127.0.0.1");\n')
    background(["node", "srt.mjs"])


def nono(_):
    words = ["--silent", "proxy", "--port", "18891", "--no-auth", "--max-connections", "0", "--allow-domain", "localhost"]
    background([f"{PEERS}/bin/nono", *words], env=os.environ | {"HOME": f"{PEERS}/home"})


def listens(port):
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0


def proxies(*ports):
    """The peers that are installed and start, by name: where they listen."""
    found = {}
    for name, program, port, start in (
        ("tinyproxy", "tinyproxy", 18888, tinyproxy),
        ("squid", "squid", 18889, squid),
        ("srt", f"{PEERS}/bin/srt", 18890, srt),
        ("nono", f"{PEERS}/bin/nono", 18891, nono),
    ):
        if shutil.which(program) is None:
            print(f"NOT RUN: {name}: it is not installed (Debian, Ubuntu: sudo apt-get install tinyproxy squid; the others: benches/peers.sh)")
            continue
        start(ports)
        end = time.time() + 10
        while not (up := listens(port)) and time.time() < end:
            time.sleep(0.05)
        if up:
            found[name] = f"127.0.0.1:{port}"
        else:
            print(f"NOT RUN: {name}: its proxy does not listen")
    return found


def policy(far, tls, answer):
    with open("policy.toml", "w") as file:
        file.write(f"""version = 1
[agent]
kind = "command"
models = ["claude-*"]
[network]
tunnels = ["localhost:{far}", "localhost:{tls}"]
private = ["localhost"]
[[network.route]]
provider = "anthropic"
base_url = "http://127.0.0.1:{answer}"
[process.limits]
open_files = 16384
[limits]
requests = 100000000
connections = 4096
up_bytes = "1000G"
down_bytes = "1000G"
""")


def inside(command):
    return [BINARY, "run", "--policy", "policy.toml", "--", *command]


def best(commands, better=max, rounds=None):
    """The best of each of the named commands, measured in turn; those that fail say why."""
    values = {name: [] for name in commands}
    for _ in range(rounds or ROUNDS):
        for name in list(values):
            value, why = numbers(commands[name], env=os.environ | {"ANTHROPIC_API_KEY": "made-up-key"})
            if value is None:
                print(f"NOT RUN: {name}: {why}")
                del values[name]
            else:
                values[name].append(value[-1])
    return {name: better(list_) for name, list_ in values.items()}


def through(peers, what, port, *more):
    """The command `ways` direct, inside through the gateway, and through each peer."""
    commands = {"direct": ["./ways", what, "-", port, "hello", *more], "tidewaiter": inside(["./ways", what, "env", port, "hello", *more])}
    return commands | {name: ["./ways", what, at, port, "hello", *more] for name, at in peers.items()}


def resident():
    """MiB of our newest gateway."""
    sizes = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline") as line, open(f"/proc/{pid}/smaps_rollup") as rollup:
                if line.read().startswith("tidewaiter-gateway"):
                    sizes.append(next(int(text.split()[1]) for text in rollup if text.startswith("Rss:")) / 1024)
        except OSError:
            continue
    return max(sizes, default=0.0)


def crowd(port):
    """2,000 tunnels at once: how many fail, and what the gateway holds meanwhile."""
    held = subprocess.Popen(inside(["./ways", "many", "env", port, "hello", "2000"]), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            text=True, env=os.environ | {"ANTHROPIC_API_KEY": "made-up-key"})
    most = 0.0
    while held.poll() is None:
        most = max(most, resident())
        time.sleep(0.2)
    said = held.stdout.read().split()
    if held.returncode != 0 or not said:
        return print("NOT RUN: 2,000 tunnels at once: the client ended early")
    row("2,000 tunnels at once: failed", float(said[-1]), 0, "")
    row("2,000 tunnels at once: the gateway, resident", most, 64, "MiB")


def flood(port):
    """Refusals beside a stream that is allowed: both have to get on."""
    known = os.environ | {"ANTHROPIC_API_KEY": "made-up-key"}
    crowd = " & ".join(["./ways refused env 4"] * 3)
    alone, why = numbers(inside(["sh", "-c", f"{crowd} & wait"]), env=known)
    beside, why = numbers(inside(["sh", "-c", f"{crowd} & ./ways down env {port} hello 500 >down; wait"]), env=known) if alone else ([], why)
    if not alone or not beside:
        return print(f"NOT RUN: refusals: {why}")
    row("refusals, three clients", sum(alone), 10_000, "1/s", True)
    row("refusals beside a stream", sum(beside), None, "1/s")
    with open("down") as file:
        row("the stream beside them", float(file.read().split()[-1]), None, "MiB/s")


def end_to_end(peers, tls):
    """curl fetching a file over TLS; the certificate is made on the spot."""
    fetch = ["curl", "-sS", "--cacert", "cert.pem", "-o", "/dev/null", "-w", "%{speed_download}\n", f"https://localhost:{tls}/file"]
    commands = {"direct": [*fetch, "--noproxy", "*"], "tidewaiter": inside([*fetch, "--noproxy", ""])}
    commands |= {name: [*fetch, "-x", f"http://{at}"] for name, at in peers.items()}
    return best(commands)


def measure():
    client_hello()
    background(["./ways", "serve", "far.port", "hello"])
    background(["./ways", "answer", "answer.port"])
    far, answer, tls = written("far.port"), written("answer.port"), 18443
    with_tls = shutil.which("openssl") and shutil.which("curl")
    if with_tls:
        made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "key.pem", "-out",
                "cert.pem", "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
        subprocess.run(made, check=True, capture_output=True)
        with open("file", "wb") as file:
            file.truncate(1 << 30)
        background(["openssl", "s_server", "-accept", f"127.0.0.1:{tls}", "-cert", "cert.pem", "-key", "key.pem", "-WWW", "-quiet"])
    peers = proxies(far, tls)
    policy(far, tls, answer)
    subprocess.run(["chmod", "-R", "a+rX", "."], check=True)
    if os.geteuid() == 0:
        subprocess.run(["chown", "-R", "61000:61000", "."], check=True)
    print(f"gateways: the best of {ROUNDS} rounds each")
    speeds = best(through(peers, "down", str(far), "1500"))
    row("direct, bytes", speeds["direct"], None, "MiB/s")
    for name in [name for name in speeds if name != "direct"]:
        row(f"tunnel, bytes behind a ClientHello, {name}", speeds[name] / speeds["direct"], 0.6 if name == "tidewaiter" else None, "x", True)
    if with_tls:
        speeds = end_to_end(peers, tls)
        for name in [name for name in speeds if name != "direct"]:
            row(f"tunnel, TLS from end to end, {name}", speeds[name] / speeds["direct"], 0.6 if name == "tidewaiter" else None, "x", True)
    else:
        print("NOT RUN: TLS from end to end: it needs openssl and curl")
    times = best(through(peers, "turn", str(far), "5000"), min)
    for name, value in times.items():
        row(f"a byte there and back, {name}", value, times.get("tinyproxy", value) + 15 if name == "tidewaiter" else None, "us")
    asked = {"direct": ["./ways", "ask", f"127.0.0.1:{answer}", "/v1/messages", "4000"],
             "tidewaiter": inside(["sh", "-c", 'at=${ANTHROPIC_BASE_URL#http://}; exec ./ways ask "${at%%/*}" /anthropic/v1/messages 4000'])}
    medians, tails = [], []
    for _ in range(ROUNDS):
        made = {name: numbers(command, env=os.environ | {"ANTHROPIC_API_KEY": "made-up-key"}) for name, command in asked.items()}
        if why := next((why for value, why in made.values() if value is None), None):
            print(f"NOT RUN: a route: {why}")
            break
        medians.append(made["tidewaiter"][0][0] - made["direct"][0][0])
        tails.append(made["tidewaiter"][0][1] - made["direct"][0][1])
    if medians:
        row("a route's request on a kept connection, added, median", min(medians), 150, "us")
        row("a route's request on a kept connection, added, 99 %", min(tails), 1000, "us")
    crowd(str(far))
    flood(str(far))


try:
    measure()
finally:
    for process in started:
        process.send_signal(signal.SIGKILL)
        process.wait()
if missed:
    print(f"over the bound: {', '.join(missed)}")
    if os.environ.get("TIDEWAITER_BENCH_STRICT") == "1":
        sys.exit(1)
