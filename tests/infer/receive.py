"""Other software at the other end of live streams: python-osc and websockets.

    receive.py osc COUNT            prints its port, then the messages of so many datagrams as JSON
    receive.py ws-server COUNT      prints its port, then the so many first messages of a client as JSON
    receive.py ws-client URL        sends each line of stdin as a message, prints each answer; the header is one more
"""

import json
import socket
import sys

TIMEOUT = 30


def osc(count):
    from pythonosc.osc_packet import OscPacket

    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.settimeout(TIMEOUT)
    receiver.bind(("127.0.0.1", 0))
    print(receiver.getsockname()[1], flush=True)
    frames = []
    for _ in range(int(count)):
        packet = OscPacket(receiver.recv(65536))
        frames.append([[timed.message.address, list(timed.message.params)] for timed in packet.messages])
    print(json.dumps(frames))


def ws_server(count):
    import threading

    from websockets.sync.server import serve

    messages, done = [], threading.Event()

    def hear(connection):
        while len(messages) < int(count):
            messages.append(connection.recv(timeout=TIMEOUT))
        done.set()

    with serve(hear, "127.0.0.1", 0) as server:
        print(server.socket.getsockname()[1], flush=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        assert done.wait(TIMEOUT), f"{len(messages)} messages after {TIMEOUT} s"
        print(json.dumps([json.loads(message) for message in messages]))
        server.shutdown()


def ws_client(url):
    from websockets.sync.client import connect

    with connect(url, open_timeout=TIMEOUT) as connection:
        has_header = False
        for line in sys.stdin:
            connection.send(line)
            answer = connection.recv(timeout=TIMEOUT)
            print(answer, flush=True)
            if not has_header and '"poselift"' in answer:
                has_header = True
                print(connection.recv(timeout=TIMEOUT), flush=True)


if __name__ == "__main__":
    {"osc": osc, "ws-server": ws_server, "ws-client": ws_client}[sys.argv[1]](*sys.argv[2:])
