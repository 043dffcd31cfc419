# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

"""What the tests with etcd share: servers on loopback, processes that use locks there, and a
proxy that spoils connections.

The cases of a test program run at the same time: most of them wait for a lease to expire."""

import base64
import concurrent.futures
import contextlib
import ctypes
import json
import os
import random
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.request

tests = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.append(os.path.join(tests, 'support'))
from tap_report import TapResult  # noqa: E402

# The benchmarks have other programs, and use only the servers
PEER = os.environ.get('LF_TEST_ETCD_PEER')
LF_LOCK = os.environ.get('LF_LOCK')
SANITIZED = 'LF_TEST_SANITIZED' in os.environ
COUNT = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'count_under_lock.py')

# Of most locks: it is renewed in time even if the machine is busy for a second
LEASE = 4
# How much later than its time to live etcd may find a lease expired on a busy machine
SLACK = 4
# No case takes longer, whatever does not answer
LIMIT = 60

MEMORY = '/dev/shm' if os.access('/dev/shm', os.W_OK) else None

# etcdctl of Debian 12 would speak the protocol of before, and these name servers of the user
ENVIRONMENT = {name: value for name, value in os.environ.items()
               if not name.startswith(('ETCD_', 'ETCDCTL_'))}
ENVIRONMENT.update(ETCDCTL_API='3', LC_ALL='C.UTF-8')

UNLOCK_ERROR = 'lf-unlock-error-quark'
LOCK_ERROR = 'lf-lock-error-quark'
BACKEND_ERROR = 'lf-backend-error-quark'
IO_ERROR = 'g-io-error-quark'
TIMED_OUT = f'error {LOCK_ERROR} 2'
ALREADY_LOCKED = f'error {LOCK_ERROR} 1'
CANCELLED = f'error {IO_ERROR} 19'
NOT_LOCKED = f'{UNLOCK_ERROR} 1'
NOT_MY_LOCK = f'{UNLOCK_ERROR} 2'


def dies_with_us():
    """A server does not outlive the test, even if that is killed."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def clock():
    """The clock of the peers' events, in microseconds."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000


def wait_until(condition, seconds=LIMIT / 2, what='it'):
    deadline = time.monotonic() + seconds
    pause = 0.005
    while not (result := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f'{what} has not happened')
        # Other cases need the processor and the servers
        time.sleep(pause)
        pause = min(pause * 1.3, 0.1)
    return result


def loopback_address():
    """An address that no other test has: ports alone could be taken between the choice of one
    and its use."""
    return '.'.join(['127', *(str(random.SystemRandom().randrange(1, 255)) for _ in range(3))])


def in_base64(text):
    return base64.b64encode(text.encode()).decode()


def range_of(prefix):
    """The keys that begin with this, as a range."""
    return {'key': in_base64(prefix),
            'range_end': in_base64(prefix[:-1] + chr(ord(prefix[-1]) + 1))}


class Certificates:
    """An authority, with certificates for a server and a client, and another authority."""

    def __init__(self, directory, *addresses):
        self.directory = directory
        self.ca = self.authority('ca')
        self.other_ca = self.authority('other-ca')
        # The gateway is a client of its own server, with the server's certificate; etcd refuses
        # a common name there
        names = ','.join(f'IP:{address}' for address in addresses)
        self.server = self.issue('server', '/O=Test', f'subjectAltName=critical,{names}\n'
                                 'extendedKeyUsage=serverAuth,clientAuth')
        self.client = self.issue('client', '/O=Test', 'extendedKeyUsage=clientAuth')

    def path(self, name):
        return os.path.join(self.directory, name)

    def openssl(self, *arguments):
        subprocess.run(['openssl', *arguments], check=True, capture_output=True)

    def authority(self, name):
        self.openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256',
                     '-nodes', '-days', '2', '-subj', f'/CN={name}', '-keyout',
                     self.path(f'{name}.key'), '-out', self.path(f'{name}.pem'))
        return self.path(f'{name}.pem')

    def issue(self, name, subject, extensions):
        """Returns the paths of the certificate and the key."""
        with open(self.path(f'{name}.ext'), 'w', encoding='ascii') as file:
            file.write(extensions + '\n')
        self.openssl('req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256',
                     '-nodes', '-subj', subject, '-keyout', self.path(f'{name}.key'),
                     '-out', self.path(f'{name}.csr'))
        self.openssl('x509', '-req', '-days', '2', '-in', self.path(f'{name}.csr'), '-CA', self.ca,
                     '-CAkey', self.path('ca.key'), '-CAcreateserial', '-extfile',
                     self.path(f'{name}.ext'), '-out', self.path(f'{name}.pem'))
        return self.path(f'{name}.pem'), self.path(f'{name}.key')


class Member:
    """A server of a cluster. Its command may begin with one that enters a namespace."""

    def __init__(self, cluster, number, address, command=()):
        self.cluster = cluster
        self.name = f'm{number}'
        self.address = address
        self.command = command
        self.directory = os.path.join(cluster.directory, self.name)
        scheme = 'https' if cluster.certificates else 'http'
        self.client_url = f'{scheme}://{address}:2379'
        self.peer_url = f'http://{address}:2380'
        self.process = None
        self.notices = None

    def start(self):
        os.makedirs(self.directory, exist_ok=True)
        path = os.path.join(self.directory, 'ready')
        with contextlib.suppress(FileNotFoundError):
            os.remove(path)
        self.notices = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notices.bind(path)
        certificates = self.cluster.certificates
        options = [] if certificates is None else [
            f'--cert-file={certificates.server[0]}', f'--key-file={certificates.server[1]}',
            f'--trusted-ca-file={certificates.ca}', '--client-cert-auth']
        self.process = subprocess.Popen(
            [*self.command, 'etcd', '--name', self.name,
             '--data-dir', os.path.join(self.directory, 'data'),
             '--listen-client-urls', ','.join([self.client_url, *self.cluster.other_urls]),
             '--advertise-client-urls', self.client_url,
             '--listen-peer-urls', self.peer_url, '--initial-advertise-peer-urls', self.peer_url,
             '--initial-cluster', self.cluster.initial, '--initial-cluster-token',
             self.cluster.directory, '--heartbeat-interval', '50', '--election-timeout', '500',
             '--logger', 'zap', '--log-outputs', os.path.join(self.directory, 'log'),
             *options, *self.cluster.options],
            env={**ENVIRONMENT, 'NOTIFY_SOCKET': path}, preexec_fn=dies_with_us,
            cwd=self.directory, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)

    def wait(self):
        """Returns when the member takes part in the cluster and accepts requests."""
        self.notices.settimeout(LIMIT / 2)
        try:
            while b'READY=1' not in self.notices.recv(1000):
                pass
        except TimeoutError:
            raise AssertionError('etcd is not ready: ' + self.log()) from None

    def log(self):
        with contextlib.suppress(OSError), \
             open(os.path.join(self.directory, 'log'), encoding='utf-8') as log:
            return log.read()[-3000:]
        return 'no log'

    def kill(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.notices.close()
            self.process = None

    def send(self, number):
        self.process.send_signal(number)


class Cluster:
    """One or three members, with data in memory and short election timeouts.

    With certificates, clients must have one too."""

    def __init__(self, n_members=1, tls=False, options=(), addresses=None, commands=None,
                 other_urls=()):
        self.directory = tempfile.mkdtemp(prefix='lockfile-glib-etcd-', dir=MEMORY)
        self.options = options
        self.other_urls = other_urls
        addresses = addresses or [loopback_address() for _ in range(n_members)]
        self.certificates = Certificates(self.directory, *addresses) if tls else None
        self.members = [Member(self, number, address, commands[number] if commands else ())
                        for number, address in enumerate(addresses)]
        self.initial = ','.join(f'{member.name}={member.peer_url}' for member in self.members)
        self.start()

    def start(self):
        for member in self.members:
            member.start()
        for member in self.members:
            member.wait()

    def close(self):
        for member in self.members:
            member.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def uri(self, name, *members):
        members = members or self.members
        scheme = 'etcd+tls' if self.certificates else 'etcd'
        return f'{scheme}://' + ','.join(f'{m.address}:2379' for m in members) + f'/{name}'

    def etcdctl(self, *arguments, user=None, stdin=''):
        """Runs etcdctl until it exits, and returns its output."""
        result = subprocess.run(self.etcdctl_command(*arguments, user=user), env=ENVIRONMENT,
                                capture_output=True, text=True, timeout=LIMIT, check=False,
                                input=stdin)
        if result.returncode != 0:
            raise AssertionError(f'etcdctl {arguments}: {result.stderr}')
        return result.stdout

    def etcdctl_command(self, *arguments, user=None):
        options = ['--endpoints', ','.join(member.client_url for member in self.members)]
        if self.certificates:
            options += ['--cacert', self.certificates.ca, '--cert', self.certificates.client[0],
                        '--key', self.certificates.client[1]]
        if user:
            options += ['--user', user]
        return ['etcdctl', *options, *arguments]

    def post(self, path, request, member=None):
        """A request to the gateway, without the library."""
        with urllib.request.urlopen((member or self.members[0]).client_url + path,
                                    json.dumps(request).encode(), timeout=10) as answer:
            return json.load(answer)

    def claims(self, name, member=None):
        """The keys of those that hold or wait for a lock, first come first."""
        answer = self.post('/v3/kv/range', {**range_of(f'{name}/'), 'sort_target': 'CREATE'},
                           member)
        return answer.get('kvs', [])

    def wait_for_claims(self, name, count, member=None):
        return wait_until(lambda: len(claims := self.claims(name, member)) == count and claims,
                          what=f'{count} claims of {name}')

    def leader(self):
        """The member that leads, from what each of them says of itself."""
        for member in self.members:
            if member.process is None:
                continue
            with contextlib.suppress(OSError):
                status = self.post('/v3/maintenance/status', {}, member)
                if status.get('leader') == status['header']['member_id']:
                    return member
        return None


class Peer:
    """A process with locks in etcd, and its events."""

    def __init__(self, command=(), env=None):
        self.process = subprocess.Popen(
            [*command, PEER], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, env={**ENVIRONMENT, 'G_DEBUG': 'fatal-warnings', **(env or {})})
        self.pid = self.process.pid
        self.buffer = b''
        self.events = []
        # The numbers of those that were waited for
        self.taken = set()

    def tell(self, *commands):
        for command in commands:
            self.process.stdin.write(command.encode() + b'\n')
        self.process.stdin.flush()

    def read(self, seconds):
        """Reads what the process says, or returns False if it says nothing in that time."""
        if not select.select([self.process.stdout], [], [], max(seconds, 0))[0]:
            return False
        data = os.read(self.process.stdout.fileno(), 65536)
        if not data:
            raise AssertionError(f'The peer has ended: {self.process.stderr.read().decode()}')
        *lines, self.buffer = (self.buffer + data).split(b'\n')
        for line in lines:
            moment, _, text = line.decode(errors='replace').partition(' ')
            self.events.append((int(moment), text))
        return True

    def wait(self, pattern, seconds=LIMIT / 2, start=0):
        """Waits for an event that was not waited for before. Returns its time and the match."""
        deadline = time.monotonic() + seconds
        number = start
        while True:
            for number in range(number, len(self.events)):
                moment, text = self.events[number]
                match = re.match(pattern, text)
                if match and number not in self.taken:
                    self.taken.add(number)
                    return moment, match
            number = len(self.events)
            if not self.read(deadline - time.monotonic()):
                raise AssertionError(f'"{pattern}" has not happened, but {self.events[-10:]}')

    def ask(self, command, pattern, seconds=LIMIT / 2):
        """After the command, the next event of its lock must match."""
        while self.read(0):
            pass
        start = len(self.events)
        self.tell(command)
        name = re.escape(command.split()[1])
        moment, match = self.wait(f'{name} (?!tick)(.*)', seconds, start)
        answer = re.match(pattern, match[1])
        if not answer:
            raise AssertionError(f'{command}: expected "{pattern}", got "{match[1]}"')
        return moment, answer

    def new(self, name, uri, **properties):
        properties = {'lease_duration': LEASE, **properties}
        words = [f'{key.replace("_", "-")}={value}' for key, value in properties.items()
                 if value is not None]
        self.ask(' '.join(['new', name, uri, *words]), 'ok')

    def hold(self, name, uri, **properties):
        """Makes a lock and acquires it. Returns the time and the token."""
        self.new(name, uri, **properties)
        moment, match = self.ask(f'acquire {name}', r'held (\d+)')
        return moment, int(match[1])

    def get(self, name, prop):
        return self.ask(f'get {name} {prop}', 'value (.*)')[1][1]

    def has(self, pattern):
        """Whether such an event has been read."""
        return any(re.match(pattern, text) for _, text in self.events)

    def say_nothing(self, pattern, seconds):
        """No such event happens in that time."""
        with contextlib.suppress(AssertionError):
            self.wait(pattern, seconds)
            raise RuntimeError(f'"{pattern}" has happened')

    def send(self, number):
        self.process.send_signal(number)

    def finish(self):
        """Ends the process in the orderly way. It must have had no trouble."""
        self.process.stdin.close()
        status = self.process.wait(LIMIT / 2)
        if status != 0:
            raise AssertionError(f'The peer ended with {status}: '
                                 f'{self.process.stderr.read().decode()}')

    def clean_up(self):
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            with contextlib.suppress(BrokenPipeError):
                stream.close()


class Proxy:
    """A server between a client and another server, which spoils connections: in the mode
    'pass' it does not, in 'stall' it forwards nothing, in 'requests-lost' or 'replies-lost'
    nothing in one direction, 'closed' closes connections, and with a function as the mode it
    forwards what the function makes of a reply."""

    def __init__(self, target, mode='pass'):
        self.target = target
        self.mode = mode
        self.n_connections = 0
        self.n_bytes = 0
        self.address = loopback_address()
        self.listener = socket.create_server((self.address, 2379), backlog=300)
        self.wakeup = socket.socketpair()
        self.pairs = {}
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def uri(self, name):
        return f'etcd://{self.address}:2379/{name}'

    def set_mode(self, mode):
        self.mode = mode
        self.wakeup[0].send(b'x')

    def run(self):
        while True:
            if self.mode == 'closed':
                for stream in list(self.pairs):
                    self.close_pair(stream)
            ready, _, _ = select.select([self.listener, self.wakeup[1], *self.watched()], [], [])
            for stream in ready:
                if stream is self.wakeup[1]:
                    if b'q' in stream.recv(100):
                        return
                elif stream is self.listener:
                    self.accept()
                elif stream in self.pairs:
                    self.forward(stream)

    def watched(self):
        if self.mode == 'stall':
            return []
        return list(self.pairs)

    def accept(self):
        client, _ = self.listener.accept()
        self.n_connections += 1
        try:
            server = socket.create_connection(self.target, timeout=5)
        except OSError:
            client.close()
            return
        self.pairs[client] = (server, 'request')
        self.pairs[server] = (client, 'reply')

    def forward(self, stream):
        other, kind = self.pairs[stream]
        try:
            data = stream.recv(65536)
            self.n_bytes += len(data)
            if data and self.mode == f'{"requests" if kind == "request" else "replies"}-lost':
                return
            if callable(self.mode) and kind == 'reply' and data:
                data = self.mode(data)
            if not data:
                self.close_pair(stream)
            else:
                other.sendall(data)
        except OSError:
            self.close_pair(stream)

    def close_pair(self, stream):
        other, _ = self.pairs.pop(stream, (None, None))
        stream.close()
        if other is not None:
            self.pairs.pop(other, None)
            other.close()

    def close(self):
        self.wakeup[0].send(b'q')
        self.thread.join()
        for stream in [self.listener, *self.wakeup, *self.pairs]:
            stream.close()


# Servers that all cases of a program use that do them no harm
shared = {}
shared_lock = threading.Lock()


def shared_cluster(n_members=1):
    with shared_lock:
        if n_members not in shared:
            shared[n_members] = Cluster(n_members)
        return shared[n_members]


class EtcdTest(unittest.TestCase):
    """Each case has a directory of its own, and a name of its own for its locks."""

    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix='lockfile-glib-', dir=MEMORY)
        self.addCleanup(directory.cleanup)
        self.directory = directory.name
        self.name = self.id().rpartition('.')[2].replace('_', '-')

    def cluster(self, *arguments, **options):
        """A server that this case may harm."""
        cluster = Cluster(*arguments, **options)
        self.addCleanup(cluster.close)
        return cluster

    def peer(self, **options):
        peer = Peer(**options)
        self.addCleanup(peer.clean_up)
        return peer

    def proxy(self, member, mode='pass'):
        proxy = Proxy((member.address, 2379), mode)
        self.addCleanup(proxy.close)
        return proxy

    def start(self, command, **options):
        """Starts a process that does not outlive the case."""
        process = subprocess.Popen(command, **{
            'stdin': subprocess.PIPE, 'stdout': subprocess.PIPE, 'stderr': subprocess.PIPE,
            'text': True, 'env': ENVIRONMENT, 'preexec_fn': dies_with_us, **options})
        self.addCleanup(self.end, process)
        return process

    @staticmethod
    def end(process):
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=LIMIT)

    def path(self, name, content=''):
        path = os.path.join(self.directory, name)
        with open(path, 'w', encoding='utf-8') as file:
            file.write(content)
        return path


class Result(TapResult):
    """The result of one case among those that run at the same time."""

    printing = threading.Lock()
    n_printed = 0

    def __init__(self, prefix, may_repeat):
        super().__init__(prefix)
        self.may_repeat = may_repeat
        self.is_reported = False

    def stopTest(self, test):
        # On a machine that keeps everything waiting for a second, a lease may rightly end
        if not self.wasSuccessful() and self.may_repeat():
            print(f'# {test.id()} failed while the machine was busy, and is repeated:')
            for line in '\n'.join(text for _, text in self.failures + self.errors).splitlines():
                print(f'# {line}')
            return

        self.is_reported = True
        with self.printing:
            Result.n_printed += 1
            self.testsRun = Result.n_printed
            super().stopTest(test)


class Stalls(threading.Thread):
    """Measures for how long a thread that is due gets no processor."""

    LIMIT = 0.3

    def __init__(self):
        super().__init__(daemon=True)
        self.last = 0

    def run(self):
        while True:
            begin = time.monotonic()
            time.sleep(0.02)
            if time.monotonic() - begin - 0.02 > self.LIMIT:
                self.last = time.monotonic()

    def is_machine_busy(self, begin):
        """Whether the machine was too busy, since a time, for leases of few seconds."""
        return SANITIZED or self.last >= begin or os.getloadavg()[0] > 2 * os.cpu_count()


def cases_of(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from cases_of(test)
        else:
            yield test


def main(at_once=8, first=(), chosen=None, prefix='/etcd'):
    """Runs the cases of the main module, so many at once. Those that take longest are named, and
    are the first ones. Arguments choose cases by a part of their names."""
    suite = unittest.defaultTestLoader.loadTestsFromModule(sys.modules['__main__'])
    chosen = sys.argv[1:] if chosen is None else chosen
    cases = [case for case in cases_of(suite)
             if not chosen or any(word in case.id() for word in chosen)]
    cases.sort(key=lambda case: case.id().rpartition('.')[2] not in first)
    print(f'TAP version 13\n1..{len(cases)}', flush=True)

    stalls = Stalls()
    stalls.start()

    def run(case):
        for attempt in range(3):
            begin = time.monotonic()
            result = Result(prefix, lambda attempt=attempt, begin=begin:
                            attempt < 2 and stalls.is_machine_busy(begin))
            case.run(result)
            if result.is_reported:
                break
        return result.wasSuccessful()

    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        results = list(pool.map(run, cases))
        for cluster in shared.values():
            cluster.close()
    return 0 if all(results) else 1
