# Java's own client, which a case calls with `client direct|proxy URL` or `client unix PATH`. It keeps its files to itself.
client() {
    java -Xmx64m -XX:-UsePerfData -XX:TieredStopAtLevel=1 -Djava.io.tmpdir="$PWD" -Duser.home="$PWD" -cp "$CASES" Client "$@"
}
