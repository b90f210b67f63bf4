# line: LD_PRELOAD, NODE_OPTIONS
# control: all
# inside: none
# runs: around
# timeout: 60
# Set as a job's variables are. What of them reaches the command?
names="LD_PRELOAD LD_LIBRARY_PATH NODE_OPTIONS PYTHONSTARTUP PYTHONPATH BASH_ENV ENV GIT_SSH_COMMAND GIT_CONFIG_COUNT GIT_EXTERNAL_DIFF PERL5OPT RUBYOPT JAVA_TOOL_OPTIONS"
[ "$WALLS" = on ] && set -- "$TIDEWAITER" run --policy "$PLAIN" -- env || set -- env
for name in $names; do
    # An empty value is a value; LD_PRELOAD with a library that is not there would only be noise.
    env "$name=/made-up" "$@" 2>/dev/null | grep -q "^$name=/made-up" && found="$found $name"
    tried="$tried $name"
done
[ "$found" = "$tried" ] && echo "result: all" || echo "result:${found:- none}"
