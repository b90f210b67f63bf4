# line: LD_PRELOAD, NODE_OPTIONS
# control: works
# inside: none
# runs: around
import os
import subprocess

from run import inside

traps = ["LD_PRELOAD", "LD_LIBRARY_PATH", "LD_AUDIT", "NODE_OPTIONS", "NODE_EXTRA_CA_CERTS", "PYTHONSTARTUP", "PYTHONPATH", "PYTHONHOME", "BASH_ENV", "ENV",
         "GIT_SSH_COMMAND", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_COUNT", "GIT_EXTERNAL_DIFF", "GIT_EXEC_PATH", "GIT_ASKPASS", "PERL5OPT", "PERL5LIB", "RUBYOPT",
         "JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS", "MAVEN_OPTS", "GLIBC_TUNABLES", "SSH_AUTH_SOCK", "PROMPT_COMMAND", "EDITOR", "PAGER", "ANTHROPIC_API_KEY", "AWS_SECRET_ACCESS_KEY"]
os.makedirs("w")
command = ["/usr/bin/env"]
environment = dict(os.environ, **{name: "trap" for name in traps if not name.startswith("LD_")})
# The loader would complain of a library that is not there; an empty list is as good a sign.
environment.update({name: "" for name in traps if name.startswith("LD_")})
text = inside(command, environment) if os.environ["WALLS"] == "on" else subprocess.run(command, env=environment, stdout=subprocess.PIPE).stdout.decode()
kept = [name for name in traps if any(line.startswith(name + "=") for line in text.splitlines())]
print("result: " + ("works" if kept == traps else "none" if not kept and "PATH=" in text else "kept " + " ".join(kept)))
