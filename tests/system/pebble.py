"""An ACME authority to test against: Debian's pebble, with a name server that leads every name to
this machine, all on loopback."""

import json
import os
import socket
import subprocess
import time

import proxy as proxy_module


def free_port(kind=socket.SOCK_STREAM):
    with socket.socket(type=kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Pebble:
    """Issues for whoever answers tls-alpn-01 on `port`. Clients trust it by `certificate`."""

    def __init__(self, directory, certificate, port):
        self.certificate = certificate
        self.processes = []
        names, here = free_port(socket.SOCK_DGRAM), free_port()
        self.url = f"https://localhost:{here}/dir"
        config = directory / "pebble.json"
        config.write_text(json.dumps({"pebble": {
            "listenAddress": f"127.0.0.1:{here}",
            "managementListenAddress": f"127.0.0.1:{free_port()}",
            "certificate": str(certificate.path), "privateKey": str(certificate.key_path),
            "httpPort": free_port(), "tlsPort": port, "ocspResponderURL": "",
            "externalAccountBindingRequired": False}}))
        self.log = open(directory / "pebble.log", "wb")
        self.start("pebble-challtestsrv", "-defaultIPv6", "", "-defaultIPv4", "127.0.0.1",
                   "-dns01", f"127.0.0.1:{names}", "-management", f"127.0.0.1:{free_port()}",
                   "-http01", "", "-https01", "", "-tlsalpn01", "")
        pebble = self.start("pebble", "-config", config, "-dnsserver", f"127.0.0.1:{names}",
                            PEBBLE_VA_NOSLEEP="1", PEBBLE_WFE_NONCEREJECT="0")
        self.wait_for_port(here, pebble)

    def start(self, *command, **environment):
        self.processes.append(subprocess.Popen(
            [str(word) for word in command], stdin=subprocess.DEVNULL, stdout=self.log,
            stderr=self.log, env=dict(os.environ, **environment)))
        return self.processes[-1]

    def wait_for_port(self, port, process):
        until = time.monotonic() + proxy_module.PATIENCE_S
        while time.monotonic() < until:
            assert process.poll() is None, "pebble ended"
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return
            except OSError:
                time.sleep(0.05)
        raise AssertionError("pebble does not listen")

    def stop(self):
        for process in self.processes:
            process.terminate()
            process.wait()
        self.log.close()
