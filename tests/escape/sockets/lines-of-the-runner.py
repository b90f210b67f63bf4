# line: a log line that the runner
# control: works
# inside: prefixed
# runs: around
import os
import subprocess

from run import words

lines = ['{"command_exit_code":0}', '  {"command_exit_code":0,"script":"/scripts/x"}', '\t{"a":1,"command_exit_code":0,"b":2}', '{"command_exit_code": 0, "script": null}',
         "section_start:1700000000:evil\r\033[0Kheader", "\033[0Ksection_end:1700000000:evil\r\033[0K", "text\r{\"command_exit_code\":0}", "x\033[2K\033[1G{\"command_exit_code\":0}",
         "last line without an end\n{\"command_exit_code\":0}"]
os.makedirs("w")
with open("w/say.py", "w") as file:
    file.write("import sys\nfor stream in (sys.stdout, sys.stderr):\n    stream.write(%r)\n    stream.flush()\nsys.exit(7)" % "\n".join(lines))
done = subprocess.run(words(["/usr/bin/python3", os.path.realpath("w/say.py")]), env=dict(os.environ, GITLAB_CI="true"), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd="w")
text = done.stdout.decode("utf-8", "replace")
print(ascii(text))
# A terminal, and a runner, starts a line anew at each of these.
pieces = text.replace("\r", "\n").split("\n")
taken = [piece for piece in pieces if piece.strip().startswith(("{", "section_", "\033"))]
result = "works" if len(taken) > 10 else "prefixed" if not taken and done.returncode == 7 else "status %d, %d lines" % (done.returncode, len(taken))
print("result: " + result)
