"""The control socket and sallyportctl: who may do what, what is shown, what can be changed, and
clients that mean harm."""

import json
import os
import pathlib
import re
import shutil
import socket
import stat
import subprocess
import threading
import time

import pytest

import authorities
import backends
import control
import proxy as proxy_module
import rude

COMMANDS = pathlib.Path(__file__).parents[2] / "src" / "daemon" / "control_commands.def"
SHOWN = ("version", "info", "stat", "servers", "certs", "sess", "tickets", "crl", "config")
NOBODY = 65534
is_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may be somebody else")


@pytest.fixture
def path(directory):
    directory.chmod(0o755)
    return directory / "control.sock"


@pytest.fixture
def controlled(serve, path):
    """A proxy with a control socket."""
    def serve_one(backend="builtin:echo", frontend=None, control_options=None, **settings):
        proxy = serve(backend, frontend,
                      control={"socket": path, **(control_options or {})}, **settings)
        return proxy

    return serve_one


def rewrite(proxy, old, new):
    proxy.config_path.write_text(proxy.config_path.read_text().replace(old, new))


# --- the socket and its tool ---------------------------------------------------------------------

def test_help_lists_every_command_of_the_table(controlled, path):
    controlled()
    rows = re.findall(r'^COMMAND\(\w+, "([^"]+)", \w+, "([^"]*)", "([^"]+)"\)',
                      COMMANDS.read_text(), re.MULTILINE)
    lines = control.ask(path, "help").splitlines()
    assert len(rows) > 10 and len(lines) == len(rows)
    for (words, argument, text), line in zip(rows, lines):
        assert line.startswith(f"{words} {argument}".rstrip()) and line.endswith(text)


def test_the_tool_tells_answers_errors_and_silence_apart(controlled, path):
    controlled()
    done = control.tell(path, "show", "version")
    assert done.returncode == 0 and done.stdout.startswith("version=") and done.stderr == ""
    done = control.tell(path, "show", "vresion")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == 'error: unknown command "vresion", did you mean "version"?\n'
    assert control.tell(path.with_name("nothing"), "help").returncode == 2
    for wrong in ([control.TOOL], [control.TOOL, "--nonsense"],
                  [control.TOOL, "-s", path, "x" * 5000], [control.TOOL, "-s", path, "a\nb"]):
        assert subprocess.run(wrong, capture_output=True, timeout=10).returncode == 2
    assert "usage" in subprocess.run([control.TOOL, "--help"], capture_output=True, text=True,
                                     check=True).stdout


def test_without_the_option_there_is_no_socket(serve, path):
    serve("builtin:echo")
    assert control.tell(path, "help").returncode == 2


def test_the_socket_is_closed_to_others_and_goes_with_the_daemon(controlled, path):
    proxy = controlled()
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    proxy.stop()
    assert not path.exists()


def test_a_stale_socket_is_replaced_and_a_live_one_is_not(controlled, serve, start, path):
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(str(path))
    stale.close()
    first = controlled()
    second = start(first.config_path.read_text())
    assert second.wait() == 1
    second.wait_for_line("cannot open the control socket")
    assert control.ask_fields(path, "show info")["pid"] == str(first.pid)


def test_a_file_in_its_place_is_not_removed(start, controlled, path):
    path.write_text("mine")
    with pytest.raises(AssertionError, match="cannot open the control socket"):
        controlled()
    assert path.read_text() == "mine"


def test_mistakes_in_the_configuration_have_file_and_line(controlled, path, certs, directory):
    config = controlled().config_path
    sound = config.read_text()
    line = sound[:sound.index("control = ")].count("\n") + 1
    for old, new, what in (
            ('socket = "', 'socket = "relative', "error: socket: a path that begins with"),
            ('socket = "', 'mode = "0999"; socket = "', "error: mode: octal digits"),
            ('socket = "', 'mode = "0666"; socket = "', 'warning: mode: with "0666" everyone'),
            ('socket = "', 'group = "no-such"; socket = "', 'warning: group: there is no group')):
        config.write_text(sound.replace(old, new))
        assert f"{config}:{line}: {what}" in proxy_module.run("-t", "-c", config).stderr


# --- who may do what -----------------------------------------------------------------------------

def as_nobody(path, *words, group=NOBODY, groups=()):
    """With a copy of the tool, since a build may lie where only its owner is let."""
    tool = shutil.copy(control.TOOL, path.parent / "tool")
    return control.tell(path, *words, tool=tool, user=NOBODY, group=group,
                        extra_groups=list(groups))


@is_root
def test_permissions_of_the_file_keep_others_out(controlled, path):
    controlled()
    assert as_nobody(path, "help").returncode == 2


@is_root
def test_whoever_is_not_in_the_group_is_a_user(controlled, path):
    controlled(control_options={"mode": "0666", "group": "daemon"})
    assert as_nobody(path, "show info").returncode == 0
    for line in ("show sess", "show config", "reload", "drain",
                 "shutdown session 01JQ7ZZZZZ0000000000000002"):
        done = as_nobody(path, line)
        assert done.returncode == 1 and done.stderr.startswith("error: permission denied"), done
    helped = as_nobody(path, "help").stdout
    assert "show info" in helped and "show sess" not in helped
    assert control.ask_fields(path, "show info")["state"] == "running"


@is_root
def test_members_of_the_group_have_the_level_of_the_configuration(controlled, path):
    import grp
    daemon = grp.getgrnam("daemon").gr_gid
    proxy = controlled(control_options={"group": "daemon"})
    assert path.stat().st_gid == daemon
    assert as_nobody(path, "show sess", group=daemon).returncode == 0
    assert as_nobody(path, "show sess", groups=[daemon]).returncode == 0
    assert as_nobody(path, "reload", groups=[daemon]).returncode == 0
    assert "for level admin and you have operator" in as_nobody(path, "drain",
                                                                groups=[daemon]).stderr
    rewrite(proxy, 'group = "daemon";', 'group = "daemon"; level = "admin";')
    control.ask(path, "reload")
    assert as_nobody(path, "drain", groups=[daemon]).returncode == 0
    assert proxy.wait() == 0
    proxy.wait_for_line(rf'control command="drain" id=- uid={NOBODY} ')


@is_root
def test_a_daemon_that_became_another_user_keeps_its_socket(controlled, path, directory):
    directory.chmod(0o777)
    proxy = controlled(user="daemon", control_options={"timeout": "5s"})
    found = path.stat()
    assert (found.st_uid, stat.S_IMODE(found.st_mode)) == (0, 0o660)
    assert proxy.status("Uid").split()[0] == str(__import__("pwd").getpwnam("daemon").pw_uid)
    assert control.ask_fields(path, "show info")["state"] == "running"
    proxy.stop()
    assert not path.exists()


# --- what is shown -------------------------------------------------------------------------------

@pytest.mark.threads
def test_whatever_is_shown_is_shown_as_json_too(controlled, path):
    controlled()
    for what in SHOWN:
        shown = control.ask(path, "--json", "show", what)
        assert shown.count("\n") == 1
        assert type(json.loads(shown)) in (dict, list)
        assert type(json.loads(control.ask(path, "show", what, "json"))) in (dict, list)


def test_info_and_stat_count_what_happens(controlled, driver, path):
    proxy = controlled()
    with rude.connect(proxy.port()) as client:
        client.send(b"x" * 1000)
        client.receive_exactly(1000)
        info = control.ask_fields(path, "show info")
        assert (info["connections_active"], info["connections_total"]) == ("1", "1")
        assert (info["workers"], info["driver"], info["pid"]) == ("2", driver, str(proxy.pid))
        client.goodbye()
        client.receive_until_end()
    proxy.wait_for_end()
    counters = json.loads(control.ask(path, "json show stat"))
    assert (counters["connections_active"], counters["handshakes_total"]) == (0, 1)
    assert (counters["bytes_from_clients"], counters["bytes_to_clients"]) == (1000, 1000)


def test_the_configuration_shown_is_the_one_in_use(controlled, path, directory):
    proxy = controlled()
    shown = control.ask(path, "show config")
    config = directory / "shown.conf"
    config.write_text(shown)
    assert proxy_module.run("-T", "-c", config).stdout == shown
    rewrite(proxy, "workers = 2;", "workers = 3;")
    assert "workers = 2;" in control.ask(path, "show config")
    control.ask(path, "reload")
    assert "workers = 3;" in control.ask(path, "show config")


def test_certificates_are_shown_with_names_file_and_expiry(controlled, certs, path, directory):
    one, other = certs.get(), certs.get("shown", names=["a.shown.example", "b.shown.example"])
    pems = directory / "pems"
    pems.mkdir()
    (pems / "good.pem").write_bytes(pathlib.Path(other.pem_path).read_bytes())
    (pems / "bad.pem").write_text("nothing")
    controlled(frontend={"pem-file": one.pem_path, "pem-dir": [pems]})
    shown = json.loads(control.ask(path, "json show certs"))
    assert (shown["certificates"], shown["load_errors"]) == (2, 1)
    files = {row["file"]: row for row in shown["list"]}
    assert set(files) == {str(one.pem_path), str(pems / "good.pem")}
    row = files[str(pems / "good.pem")]
    assert row["names"] == ["a.shown.example", "b.shown.example"]
    assert row["frontend"] == "web" and row["expired"] is False
    end = subprocess.run(["openssl", "x509", "-in", other.pem_path, "-noout", "-enddate",
                          "-dateopt", "iso_8601"], capture_output=True, text=True, check=True)
    assert row["not_after"] == end.stdout.strip().split("=")[1].replace(" ", "T")


def test_ticket_keys_are_shown_without_the_keys(controlled, path, directory):
    keys = [bytes([number]) * 80 for number in (0x41, 0x42)]
    for number, key in enumerate(keys):
        (directory / f"key{number}").write_bytes(key)
    controlled(ticket_keys=[directory / "key0", directory / "key1"])
    shown = control.ask(path, "json show tickets")
    rows = json.loads(shown)["keys"]
    assert [row["use"] for row in rows] == ["encrypt", "accept"]
    assert [row["name"] for row in rows] == ["41" * 16, "42" * 16]
    assert "41" * 17 not in shown and "A" * 17 not in shown


def test_ticket_keys_grow_old(controlled, path):
    controlled(ticket_rotation="1s")
    until = time.monotonic() + control.WAIT_S
    while time.monotonic() < until:
        rows = json.loads(control.ask(path, "json show tickets"))["keys"]
        if len(rows) > 1:
            break
        time.sleep(0.1)
    assert [row["generation"] for row in rows] == [0, 1]
    assert rows[1]["age_s"] > rows[0]["age_s"]


def test_lists_of_revoked_certificates_are_shown(controlled, path, directory):
    authority = authorities.Authority(directory, "clients")
    crl = authority.revocations()
    controlled(frontend={"client-verify": "optional", "ca-file": authority.path,
                         "crl-file": crl})
    rows = json.loads(control.ask(path, "json show crl"))
    assert [(row["frontend"], row["file"], row["expired"]) for row in rows] == [
        ("web", str(crl), False)]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", rows[0]["next_update"])


# --- sessions ------------------------------------------------------------------------------------

def test_sessions_are_listed_with_what_is_known_of_them(controlled, backend, path):
    server = backend(backends.echo)
    proxy = controlled(server)
    silent = socket.create_connection(("127.0.0.1", proxy.port()))
    with rude.connect(proxy.port(), name="www.example.com") as client:
        client.send(b"x" * 100)
        client.receive_exactly(100)
        rows = {row["client"]: row for row in json.loads(control.ask(path, "json show sess"))}
        assert len(rows) == 2
        row = rows["127.0.0.1:%d" % client.socket.getsockname()[1]]
        assert (row["fe"], row["be"], row["srv"]) == ("web", "app", server.address)
        assert (row["sni"], row["state"], row["tls"]) == ("www.example.com", "relaying", "TLSv1.3")
        assert (row["in"], row["out"]) == (100, 100)
        row = rows["127.0.0.1:%d" % silent.getsockname()[1]]
        assert (row["state"], row["srv"], row["sni"]) == ("handshaking", None, None)
        text = control.ask(path, "show sess")
        assert {proxy_module.fields(line)["client"] for line in text.splitlines()} == set(rows)
    silent.close()


@pytest.mark.threads
def test_one_session_is_ended_and_no_other(controlled, backend, path):
    proxy = controlled(backend(backends.echo))
    victim, neighbour = rude.connect(proxy.port()), rude.connect(proxy.port())
    rows = json.loads(control.ask(path, "json show sess"))
    wanted = "127.0.0.1:%d" % victim.socket.getsockname()[1]
    name = next(row["id"] for row in rows if row["client"] == wanted)
    assert control.ask(path, "shutdown session", name) == "ended\n"
    assert victim.receive_until_end() == (b"", "reset")
    end = proxy.wait_for_end()
    assert (end["id"], end["end"], end["ts"]) == (name, "killed", "KD")
    done = control.tell(path, "shutdown session", name)
    assert done.returncode == 1 and "there is no such session" in done.stderr
    neighbour.send(b"still here")
    assert neighbour.receive_exactly(10) == b"still here"
    neighbour.goodbye()
    neighbour.receive_until_end()


def wait_for_connections(path, count):
    until = time.monotonic() + control.WAIT_S
    while control.ask_fields(path, "show info")["connections_active"] != str(count):
        assert time.monotonic() < until, f"there are not {count} connections"
        time.sleep(0.01)


def test_a_thousand_sessions_are_listed_each_once(controlled, path):
    proxy = controlled(timeouts={"hello": "60s", "handshake": "60s"})
    clients = [socket.create_connection(("127.0.0.1", proxy.port())) for _ in range(1000)]
    wait_for_connections(path, 1000)
    rows = json.loads(control.ask(path, "json show sess"))
    assert len({row["id"] for row in rows}) == len(rows) == 1000
    assert {row["client"] for row in rows} == {
        "127.0.0.1:%d" % client.getsockname()[1] for client in clients}
    for client in clients:
        client.close()


@pytest.mark.threads
@pytest.mark.parametrize("count", [8, 32])
def test_connections_are_dealt_out_evenly(controlled, path, count):
    """Whatever the kernel's hash does: of eight each of two workers has four."""
    proxy = controlled(timeouts={"hello": "60s", "handshake": "60s"})
    clients = []
    for number in range(count):
        clients.append(socket.create_connection(("127.0.0.1", proxy.port())))
        wait_for_connections(path, number + 1)
    rows = json.loads(control.ask(path, "json show sess"))
    of_first = sum(row["worker"] == 0 for row in rows)
    assert len(rows) == count and abs(2 * of_first - count) <= count // 8
    counters = json.loads(control.ask(path, "json show stat"))
    assert counters["connections_total"] == count
    assert counters["connections_passed_on"] < count
    for client in clients:
        client.close()


@pytest.mark.threads
def test_lists_of_sessions_that_come_and_go_stay_whole(controlled, path):
    proxy = controlled()
    port = proxy.port()
    is_over = threading.Event()

    def come_and_go():
        while not is_over.is_set():
            held = [socket.create_connection(("127.0.0.1", port)) for _ in range(30)]
            for one in held:
                one.close()

    with rude.connect(port) as stays:
        mine = "127.0.0.1:%d" % stays.socket.getsockname()[1]
        threads = [threading.Thread(target=come_and_go) for _ in range(2)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(10):
                rows = json.loads(control.ask(path, "json show sess"))
                assert len({row["id"] for row in rows}) == len(rows)
                assert [row["client"] for row in rows].count(mine) == 1
        finally:
            is_over.set()
            for thread in threads:
                thread.join()


# --- reload and drain ----------------------------------------------------------------------------

def test_a_reload_waits_and_says_what_came_of_it(controlled, path):
    proxy = controlled()
    rewrite(proxy, "workers = 2;", "workers = 4;")
    assert control.ask(path, "reload").startswith("reloaded count=1 workers=4 ")
    info = control.ask_fields(path, "show info")
    assert (info["reloads"], info["workers"], info["reload_state"]) == ("1", "4", "done")
    proxy.wait_for_line("reloading command=reload")


@pytest.mark.threads
def test_a_refused_reload_has_file_and_line(controlled, path):
    proxy = controlled()
    good = proxy.config_path.read_text()
    proxy.config_path.write_text(good + "wrokers = 3;\n")
    line = good.count("\n") + 1
    done = control.tell(path, "reload")
    assert done.returncode == 1
    said = done.stderr.splitlines()
    assert said[0] == "error: the reload failed, the configuration in use stays"
    assert f'{proxy.config_path}:{line}: error: unknown option "wrokers"' in said[1]
    info = control.ask_fields(path, "show info")
    assert (info["reloads"], info["reloads_failed"], info["reload_state"]) == ("0", "1", "failed")
    proxy.config_path.write_text(good)
    control.ask(path, "reload")


def test_a_reload_that_cannot_listen_says_so(controlled, path):
    proxy = controlled()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        rewrite(proxy, '"127.0.0.1:0"', f'"127.0.0.1:0", "127.0.0.1:{port}"')
        done = control.tell(path, "reload")
    assert done.returncode == 1
    assert f"cannot listen frontend=web address=127.0.0.1:{port}" in done.stderr


@pytest.mark.threads
def test_reloads_at_the_same_time_are_all_answered(controlled, path):
    proxy = controlled()
    with control.Connection(path) as several:
        several.send(b"reload\nshow version\nreload\n")
        others = [threading.Thread(target=control.ask, args=(path, "reload")) for _ in range(5)]
        for other in others:
            other.start()
        assert several.answer().startswith("reloaded count=")
        assert several.answer().startswith("version=")
        assert several.answer().startswith("reloaded count=")
        for other in others:
            other.join()
    assert int(control.ask_fields(path, "show info")["reloads"]) >= 2
    proxy.wait_for_line("reloaded count=2")


@pytest.mark.threads
def test_the_socket_survives_a_reload_and_can_move(controlled, path, directory):
    proxy = controlled()
    inode = path.stat().st_ino
    with control.Connection(path) as stays:
        control.ask(path, "reload")
        assert path.stat().st_ino == inode
        rewrite(proxy, str(path), str(path) + ".new")
        assert stays.ask("reload").startswith("reloaded")
        assert stays.ask("show info").startswith("version=")
    moved = path.with_name("control.sock.new")
    until = time.monotonic() + control.WAIT_S
    while path.exists() and time.monotonic() < until:
        time.sleep(0.05)
    assert not path.exists()
    assert control.ask_fields(moved, "show info")["reloads"] == "2"
    rewrite(proxy, str(moved), str(moved) + '"; mode = "0600')
    control.ask(moved, "reload")
    assert stat.S_IMODE(moved.stat().st_mode) == 0o600


def test_a_reload_with_a_socket_that_cannot_be_is_refused(controlled, path, directory):
    proxy = controlled()
    rewrite(proxy, str(path), str(directory / "missing" / "control.sock"))
    done = control.tell(path, "reload")
    assert done.returncode == 1 and "cannot open the control socket" in done.stderr
    assert control.ask_fields(path, "show info")["reloads_failed"] == "1"


@pytest.mark.threads
def test_a_drain_by_command_waits_for_connections(controlled, backend, path):
    proxy = controlled(backend(backends.echo))
    client = rude.connect(proxy.port())
    assert control.ask(path, "drain") == "draining connections=1\n"
    assert control.ask_fields(path, "show info")["state"] == "draining"
    for line in ("drain", "reload"):
        done = control.tell(path, line)
        assert done.returncode == 1 and "the daemon is stopping" in done.stderr
    assert len(json.loads(control.ask(path, "json show sess"))) == 1
    client.goodbye()
    client.receive_until_end()
    client.close()
    assert proxy.wait() == 0
    assert not path.exists()


# --- clients that mean harm ----------------------------------------------------------------------

def test_commands_may_follow_each_other_and_come_in_pieces(controlled, path):
    controlled()
    with control.Connection(path) as client:
        for piece in (b"show ver", b"sion\r", b"\nfoo\nshow st", b"at\n"):
            client.send(piece)
            time.sleep(0.02)
        assert client.answer().startswith("version=")
        assert client.answer() == 'error: unknown command "foo", "help" lists them\n'
        assert client.answer().startswith("connections_total=")
        client.send(b"show version")
        client.socket.shutdown(socket.SHUT_WR)
        assert client.answer().startswith("version=")
        assert client.is_closed()


def test_a_line_that_is_too_long_ends_the_client(controlled, path):
    controlled()
    with control.Connection(path) as client:
        client.send(b"x" * 5000)
        assert client.answer() == "error: the line is too long, 4096 bytes at most are wanted\n"
        assert client.is_closed()
    with control.Connection(path) as client:
        client.send(b"x" * 4096 + b"\n")
        assert client.answer().startswith("error: unknown command")


def test_whoever_says_nothing_is_closed_and_no_byte_helps(controlled, path):
    controlled(control_options={"timeout": "1s"})
    begun = time.monotonic()
    with control.Connection(path) as silent, control.Connection(path) as dripping:
        try:
            while time.monotonic() < begun + control.WAIT_S:
                dripping.send(b"s")
                time.sleep(0.1)
        except (BrokenPipeError, ConnectionResetError):
            pass
        assert time.monotonic() - begun >= 0.9
        assert silent.is_closed() and dripping.is_closed()


def test_whoever_does_not_read_is_closed(controlled, path):
    proxy = controlled(control_options={"timeout": "1s"})
    before = proxy.descriptors()
    with control.Connection(path) as deaf:
        deaf.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.send(b"show config\n" * 2000)
        until = time.monotonic() + control.WAIT_S
        while proxy.descriptors() > before and time.monotonic() < until:
            time.sleep(0.1)
        assert proxy.descriptors() == before
    assert control.ask(path, "show version")


def test_idle_clients_keep_nobody_out(controlled, path):
    controlled()
    crowd = [control.Connection(path) for _ in range(60)]
    assert control.ask_fields(path, "show info")["state"] == "running"
    assert crowd[0].is_closed()
    assert crowd[-1].ask("show version").startswith("version=")
    for one in crowd:
        one.socket.close()


@pytest.mark.threads
def test_clients_that_vanish_leave_nothing_behind(controlled, backend, path):
    proxy = controlled(backend(backends.echo))
    held = [rude.connect(proxy.port()) for _ in range(5)]
    for client in held:
        client.send(b"x")
        client.receive_exactly(1)
    before = proxy.descriptors()
    for line in (b"show sess\n", b"show", b"reload\n", b"show sess\n" * 50, b"show config\n" * 50):
        for _ in range(5):
            with control.Connection(path) as client:
                client.send(line)
    until = time.monotonic() + control.WAIT_S
    while proxy.descriptors() > before and time.monotonic() < until:
        time.sleep(0.1)
    assert proxy.descriptors() == before
    assert len(json.loads(control.ask(path, "json show sess"))) == 5
    for client in held:
        client.close()


@pytest.mark.threads
def test_commands_beside_traffic_and_reloads(controlled, backend, path):
    proxy = controlled(backend(backends.echo))
    is_over = threading.Event()
    failures = []

    def look():
        try:
            while not is_over.is_set():
                for what in SHOWN:
                    json.loads(control.ask(path, "json show", what))
        except Exception as error:  # in a thread: told by the test
            failures.append(error)

    def visit():
        try:
            while not is_over.is_set():
                with rude.connect(proxy.port()) as client:
                    client.send(b"x")
                    client.receive_exactly(1)
                    client.goodbye()
                    client.receive_until_end()
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=one) for one in (look, look, visit, visit)]
    for thread in threads:
        thread.start()
    for workers in (4, 1, 3, 2):
        proxy.config_path.write_text(re.sub(r"workers = \d+;", f"workers = {workers};",
                                            proxy.config_path.read_text()))
        assert f"workers={workers} " in control.ask(path, "reload")
    is_over.set()
    for thread in threads:
        thread.join()
    assert failures == []
