# line: SCM_RIGHTS over an allowed
# control: works
# inside: EBADF
# runs: around
import os
import subprocess

from run import inside, words

# A descriptor of the job's that was left open for its children, and one that leads to a server.
os.makedirs("w")
secret = os.open(os.environ["OUT"] + "/secret", os.O_RDWR)
os.dup2(secret, 9, inheritable=True)
code = "import errno, os\ntry: print('works' if os.read(9, 1) else '')\nexcept OSError as error: print(errno.errorcode[error.errno])"
done = subprocess.run(words(["/usr/bin/python3", "-c", code]), cwd="w", close_fds=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
print("result: " + done.stdout.decode().strip())
