# line: a log line that the runner would take for its own
# control: 7, forged
# inside: 7, nothing forged
# runs: around
# In a GitLab job, what reads our output is the runner. It takes such lines for its own, with spaces and more keys as well.
cat >forge.sh <<'FORGE'
printf '{"command_exit_code":0,"script":"x"}\n'
printf '   {"command_exit_code":0}\n'
printf 'x\r{"command_exit_code":0}\n'
printf '\n{"command_exit_code":0}\n' >&2
printf '\033[0Ksection_start:1:x\r\033[0Kforged\n'
printf 'section_end:1:x\r\033[0K\n'
printf '{"command_exit_code":0}'
exit 7
FORGE
[ "$WALLS" = on ] && set -- env GITLAB_CI=true "$TIDEWAITER" run --policy "$PLAIN" -- || set --
"$@" sh forge.sh >log 2>&1
status=$?
cat -v log
tr '\r' '\n' <log | grep -q '^ *{' && forged="forged" || forged="nothing forged"
grep -q "$(printf '\033')\[0Ksection\|^section_" log && forged="forged"
echo
echo "result: $status, $forged"
