"""What the image would contain, without an engine: the program as the Dockerfile builds it, alone in a read-only root, run by its
user without a right. It takes webhooks there, says that it is ready, and ends when it is told to.

This builds a release (minutes), so it runs only when it is named: `just deploy-check image`. It needs root, for the root it makes.
"""

import contextlib
import os
import re
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from .common import run, want
from .nats import free_ports

PROJECT = Path(__file__).resolve().parents[2]
BUILD_S_MAX = 3_600
START_S_MAX = 30
STOP_S_MAX = 25
# What the base image sets.
IMAGE_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
MISTAKES = [
    ("deploy/Dockerfile", "USER 65532:65532", "USER 0:0"),
    ("deploy/Dockerfile", "CALLTRAIL__LOG__PATH=/var/lib/calltrail", "CALLTRAIL__LOG__PATH=/var/lib/other"),
    ("deploy/Dockerfile", 'CMD ["up"]', 'CMD ["ingest"]'),
    ("deploy/Dockerfile", "deploy/static", "cargo build"),
]
CONFIG = """[http]
listen = "127.0.0.1:{webhooks}"
operator_listen = "127.0.0.1:{operator}"
[[account]]
id = "acme"
[account.aircall]
webhook_tokens = [{{ env = "AIRCALL_TOKEN" }}]
[account.front]
base_url = "http://127.0.0.1:1"
api_token = {{ env = "FRONT_TOKEN" }}
default_inbox = "inb_1"
"""
# Everything below a root that is mounted again, so that nothing of it can be written but the volume, with the devices that an
# engine gives a container; then no right is left.
RUN = """mount --bind "$0" "$0" && mount --bind "$0/var/lib/calltrail" "$0/var/lib/calltrail" \
&& mount --rbind /dev "$0/dev" && mount -o remount,bind,ro "$0" \
&& exec setpriv --no-new-privs --bounding-set=-all,+sys_chroot,+setuid,+setgid \
chroot --userspec={user} "$0" "$@" """


def check(root):
    want(os.geteuid() == 0, "the image's root can be made by root alone: run this as root")
    text = (root / "deploy/Dockerfile").read_text()
    programs = built(text)
    environment = dict(re.findall(r"(CALLTRAIL_\w+)=(\S+)", text))
    environment |= {"AIRCALL_TOKEN": "whook_token", "FRONT_TOKEN": "front_token", "PATH": IMAGE_PATH}
    user = re.search(r"^USER (\S+)", text, re.M)[1]
    entry, command = (re.findall(rf'^{word} \["(.*)"\]', text, re.M)[-1] for word in ["ENTRYPOINT", "CMD"])
    with tempfile.TemporaryDirectory() as folder:
        inside = Path(folder) / "root"
        webhooks, operator = free_ports(2)
        fill(inside, programs / "calltrail", entry, CONFIG.format(webhooks=webhooks, operator=operator))
        words = ["unshare", "--mount", "sh", "-c", RUN.format(user=user), str(inside), entry]
        said = Path(folder) / "said"
        with said.open("w") as lines:
            process = subprocess.Popen([*words, command], env=environment, stdout=lines, stderr=lines)
        try:
            until_ready(words, environment, process, said)
            want(status_of(process.pid)["Uid"].split()[0] == "65532", "it runs as somebody else than 65532")
            want(int(status_of(process.pid)["CapEff"], 16) == 0, "it has rights")
            want(posted(webhooks) == 200, "a webhook is not taken")
            want(list((inside / "var/lib/calltrail").iterdir()), "the volume is empty")
            process.send_signal(signal.SIGTERM)
            want(process.wait(STOP_S_MAX) == 0, f"it does not end well: {said.read_text()}")
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            process.wait()


def built(text):
    """The folder of the programs that the Dockerfile's own command makes."""
    command = re.search(r'(deploy/static "\$target" .*?) \\$', text, re.M)
    want(command, "the Dockerfile builds by another command than deploy/static")
    target = re.search(r"host: (.*)", run("rustc", "-vV"))[1]
    words = command[1].replace('"$target"', target).split()
    subprocess.run(words, cwd=PROJECT, check=True, timeout=BUILD_S_MAX)
    return Path(os.environ.get("CARGO_TARGET_DIR", PROJECT / "target")) / target / "release"


def fill(inside, program, entry, config):
    for path, mode in [(entry, 0o755), ("/etc/calltrail/calltrail.toml", 0o644)]:
        file = inside / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(program.read_bytes() if path == entry else config.encode())
        file.chmod(mode)
    # The base image has them.
    certificates = inside / CERTIFICATES.lstrip("/")
    certificates.parent.mkdir(parents=True)
    certificates.write_bytes(Path(CERTIFICATES).read_bytes())
    (inside / "dev").mkdir()
    state = inside / "var/lib/calltrail"
    state.mkdir(parents=True)
    os.chown(state, 65532, 65532)
    # The folder above is its owner's alone, and the user in it is another.
    for folder in [inside.parent, inside]:
        folder.chmod(0o755)


def until_ready(words, environment, process, said):
    """By the command that the image's health check runs."""
    deadline = time.monotonic() + START_S_MAX
    while subprocess.run([*words, "health"], env=environment, capture_output=True).returncode != 0:
        want(process.poll() is None, f"it has ended: {said.read_text()}")
        want(time.monotonic() < deadline, f"it does not become ready: {said.read_text()}")
        time.sleep(0.2)


def status_of(pid):
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, value in (line.split(":", 1) for line in lines)}


def posted(port):
    body = b'{"resource":"number","event":"number.opened","timestamp":1,"token":"whook_token","data":{"id":1}}'
    request = urllib.request.Request(f"http://127.0.0.1:{port}/webhooks/acme/aircall", body, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status
    except (urllib.error.URLError, socket.timeout) as error:
        return getattr(error, "code", str(error))
