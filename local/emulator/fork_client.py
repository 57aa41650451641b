"""`fork_client.py SOCKET ARGUMENT…`: `python ARGUMENT…` in $LAMBDA_TASK_ROOT, as a fork of the server at SOCKET.

It stands for the process: it hands over its environment, stdout and stderr, and neither outlives the other. It imports
next to nothing, since its own start is most of what a start costs now.
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
    server.recv(1)  # the process holds its end for as long as it lives
    os._exit(1)
