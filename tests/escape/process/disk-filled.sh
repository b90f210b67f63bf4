# line: fork bomb, memory, disk
# control: filled
# inside: filled, 125, nobody left
# runs: around
# places: open host host-netns
# why: only there a small file system can be mounted
# timeout: 60
# The agent fills the file system that the journal is on, and then does what would have to be noted. No job without a journal.
mkdir small && mount -t tmpfs -o size=16m,mode=1777 tidewaiter small || exit
small=$(realpath small)
trap 'umount -l "$small"' EXIT
# Another place's agent stays for another time.
stays=33$$
mkdir w && chmod 777 w && cd w || exit
cat >fill.sh <<'FILL'
cat /dev/zero >"$1/zeros" 2>/dev/null
[ "$(stat -f -c %a "$1")" = 0 ] && echo filled >filled
for port in 1 2 3 4 5 6 7 8; do
    curl --silent --max-time 2 --output /dev/null "http://refused.example:$port/$(head -c 3000 /dev/zero | tr '\0' x)"
done
exec sleep "$2"
FILL
mkdir ../small/agent && chmod 777 ../small/agent
printf 'version = 1\n[network]\nfence = "%s"\n[files]\nwrite = ["%s"]\n' "$(sed -n 's/^fence = "\(.*\)"/\1/p' "$PLAIN")" "$small/agent" >../small.toml
if [ "$WALLS" = on ]; then
    timeout 40 "$TIDEWAITER" run --policy ../small.toml --journal ../small/journal -- sh fill.sh "$small/agent" $stays >../log 2>&1
    status=$?
    cat ../log
    pgrep -f "^sleep $stays\$" >/dev/null && left=somebody || left=nobody
    echo "result: $(cat filled), $status, $left left"
else
    timeout 3 sh fill.sh "$small/agent" $stays
    echo "result: $(cat filled)"
fi
