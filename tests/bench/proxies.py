"""The proxies that are compared, each with a configuration that asks for the same work.

Same for all: number of workers, one certificate, TLS 1.2 and 1.3, logs off, one loopback backend,
no health checks, no client certificates. Group and cipher suite are the client's only offer, so no
server can choose a cheaper one. Session tickets are switched off for full handshakes: ours by its
option, the peers' through OPENSSL_CONF, which all of them read.
"""

import dataclasses
import os

import processes


@dataclasses.dataclass(frozen=True)
class Setting:
    certificate: str  # "ecdsa" or "rsa"
    tickets: bool
    workers: int
    role: str  # of the backend: "echo", "source", "sink", "http", "builtin"
    certificates: int = 0  # more of them, each for a name of its own
    routes: int = 0  # names that are each routed, all to the same backend

    @property
    def start_seconds(self):
        return 150 if self.certificates + self.routes > 100 else 5


def name_of(index):
    """As in names.h."""
    return f"host{index}.bench.example"


class Proxy:
    is_peer = True
    is_plain = False
    has_workers = True  # a number of them can be asked for
    has_certificates = False  # can choose among many by name, loaded when it starts
    has_routes = False  # can choose a backend by name

    def __init__(self, bench):
        self.bench = bench
        self.instances = {}

    def is_there(self):
        return os.access(self.binary, os.X_OK)

    def instance(self, setting):
        """The long-lived one of this setting."""
        if setting not in self.instances:
            self.instances[setting] = self.start(setting)
        return self.instances[setting]

    def forget(self, setting):
        """After a failure: the next round begins with a new one."""
        if setting in self.instances:
            self.instances.pop(setting).stop()

    def start(self, setting):
        port = self.bench.next_port()
        directory = os.path.join(self.bench.work_path, f"{self.name}-{port}")
        os.makedirs(directory, exist_ok=True)
        command = self.command(directory, port, setting)
        log_path = os.path.join(directory, "log")
        process = processes.Process(command, log_path, self.environment(setting), port,
                                    setting.start_seconds)
        process.port = port
        return process

    def environment(self, setting):
        environment = dict(os.environ)
        if not setting.tickets:
            environment["OPENSSL_CONF"] = self.bench.no_tickets_path
        return environment

    def pem(self, setting):
        return self.bench.certificates[setting.certificate]

    def more_certificates(self, setting):
        """Their directory, or None."""
        return setting.certificates and self.bench.make_certificates(setting.certificates)

    def backend(self, setting):
        return self.bench.backend_ports[setting.role]

    def write(self, directory, text):
        path = os.path.join(directory, f"{self.name}.conf")
        with open(path, "w") as file:
            file.write(text)
        return path


class Hitch(Proxy):
    name = "hitch"
    binary = "/usr/sbin/hitch"
    has_certificates = True

    def command(self, directory, port, setting):
        more = self.more_certificates(setting)
        pem_directory = f'pem-dir = "{more}"' if more else ""
        return [self.binary, "--config=" + self.write(directory, f"""
frontend = "[127.0.0.1]:{port}"
backend = "[127.0.0.1]:{self.backend(setting)}"
pem-file = "{self.pem(setting)}"
{pem_directory}
workers = {setting.workers}
backlog = 4096
tls-protos = TLSv1.2 TLSv1.3
daemon = off
user = "_hitch"
group = "_hitch"
log-level = 1
ocsp-dir = ""
""")]


class Haproxy(Proxy):
    name = "haproxy"
    binary = "/usr/sbin/haproxy"
    has_certificates = True
    has_routes = True

    def command(self, directory, port, setting):
        more = self.more_certificates(setting)
        certificates = f"crt {self.pem(setting)}" + (f" crt {more}" if more else "")
        route = "default_backend servers"
        if setting.routes:
            path = os.path.join(directory, "routes")
            with open(path, "w") as file:
                file.writelines(f"{name_of(index)} servers\n" for index in range(setting.routes))
            route = f"use_backend %[ssl_fc_sni,lower,map({path})]"
        return [self.binary, "-db", "-f", self.write(directory, f"""
global
  nbthread {setting.workers}
  maxconn 9800
defaults
  mode tcp
  no log
  timeout connect 5s
  timeout client 600s
  timeout server 600s
frontend clients
  bind 127.0.0.1:{port} backlog 4096 ssl {certificates} ssl-min-ver TLSv1.2
  {route}
backend servers
  server one 127.0.0.1:{self.backend(setting)}
""")]


class Nginx(Proxy):
    name = "nginx"
    binary = "/usr/sbin/nginx"

    def is_there(self):
        return super().is_there() and os.path.exists("/usr/lib/nginx/modules/ngx_stream_module.so")

    def command(self, directory, port, setting):
        return [self.binary, "-e", "/dev/null", "-c", self.write(directory, f"""
load_module /usr/lib/nginx/modules/ngx_stream_module.so;
daemon off;
pid {directory}/pid;
error_log /dev/null crit;
worker_processes {setting.workers};
worker_rlimit_nofile 20000;
events {{ worker_connections 19000; }}
stream {{
  access_log off;
  proxy_timeout 600s;
  server {{
    listen 127.0.0.1:{port} ssl backlog=4096;
    proxy_pass 127.0.0.1:{self.backend(setting)};
    ssl_certificate {self.pem(setting)};
    ssl_certificate_key {self.pem(setting)};
    ssl_protocols TLSv1.2 TLSv1.3;
  }}
}}
""")]


class Stunnel(Proxy):
    """One thread a connection; it has no number of workers."""

    name = "stunnel"
    has_workers = False
    binary = "/usr/bin/stunnel4"

    def command(self, directory, port, setting):
        return [self.binary, self.write(directory, f"""
foreground = yes
pid =
syslog = no
debug = 0
socket = l:TCP_NODELAY=1
socket = r:TCP_NODELAY=1
[bench]
accept = 127.0.0.1:{port}
connect = 127.0.0.1:{self.backend(setting)}
cert = {self.pem(setting)}
""")]


class Sallyport(Proxy):
    is_peer = False
    has_certificates = True
    has_routes = True

    def __init__(self, bench, driver):
        super().__init__(bench)
        self.driver = driver
        self.name = "sallyport-" + ("uring" if driver == "io_uring" else driver)
        self.binary = bench.sallyport_path

    def command(self, directory, port, setting):
        backend = "builtin:echo"
        if setting.role != "builtin":
            backend = f"127.0.0.1:{self.backend(setting)}"
        more = self.more_certificates(setting)
        paths = [self.pem(setting)] + [os.path.join(more, f"{name_of(index)}.pem")
                                       for index in range(setting.certificates)]
        pems = ", ".join(f'"{path}"' for path in paths)
        routes = ", ".join(f'{{ sni = [ "{name_of(index)}" ]; backend = "bench"; }}'
                           for index in range(setting.routes))
        return [self.binary, "-c", self.write(directory, f"""
workers = {setting.workers};
io = "{self.driver}";
allow-root = true;
log = {{ level = "error"; }};
access-log = {{ format = "off"; }};
frontends = ( {{
  name = "bench";
  listen = [ "127.0.0.1:{port}" ];
  pem-file = [ {pems} ];
  routes = ( {routes} );
  tickets = {1 if setting.tickets else 0};
  backend = "bench";
}} );
backends = ( {{ name = "bench"; servers = ( {{ address = "{backend}"; }} ); }} );
""")]


class Relay(Proxy):
    """The floor: plain TCP, copied."""

    name = "relay"
    is_peer = False
    is_plain = True

    def __init__(self, bench):
        super().__init__(bench)
        self.binary = bench.tool("relay")

    def command(self, directory, port, setting):
        return [self.binary, str(port), str(self.backend(setting)), str(setting.workers)]


def all_proxies(bench):
    return [Sallyport(bench, "io_uring"), Sallyport(bench, "epoll"), Hitch(bench), Haproxy(bench),
            Nginx(bench), Stunnel(bench), Relay(bench)]
