# line: unshare/clone/clone3
# control: works
# inside: EPERM
import ctypes
import os

from attempt import call

os.makedirs("from")
os.makedirs("to")
tree = call(428, -100, ctypes.c_char_p(b"from"), 1)  # open_tree(2), OPEN_TREE_CLONE
call(429, tree, ctypes.c_char_p(b""), -100, ctypes.c_char_p(b"to"), 4)  # move_mount(2), MOVE_MOUNT_F_EMPTY_PATH
call(166, ctypes.c_char_p(b"to"), 2)
