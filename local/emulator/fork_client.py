"""`fork_client.py SOCKET ARGUMENT…`: run `python ARGUMENT…` in $LAMBDA_TASK_ROOT, as a fork of the server at SOCKET.

The client stands for the fork: it passes its environment, stdout and stderr to the fork, and neither outlives the
other. It imports next to nothing, since its own start is now most of what it costs to start a function.
"""

import _socket
import marshal
import os
import sys

if __name__ == "__main__":
    _, path, *arguments = sys.argv
    del os.environ["_FORK_SERVER"]
    server = _socket.socket(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
    server.connect(path)
    streams = (1).to_bytes(4, sys.byteorder) + (2).to_bytes(4, sys.byteorder)
    request = marshal.dumps((arguments, os.environ["LAMBDA_TASK_ROOT"], dict(os.environ)))
    server.sendmsg([request], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, streams)])
    server.recv(1)  # returns when the fork ends: until then it holds the other end of the connection
    os._exit(1)
