#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

"""Servers that are no etcd, answer nothing, or whose answers are spoiled on the way.

LF_TEST_ETCD_ROUNDS is how many claims each process makes through a spoiled connection."""

import concurrent.futures
import contextlib
import json
import os
import random
import re
import socket
import sys
import threading

from etcd_testing import (CANCELLED, IO_ERROR, LEASE, SANITIZED, SLACK, TIMED_OUT, EtcdTest,
                          Proxy, clock, loopback_address, main, shared_cluster)

ROUNDS = int(os.environ.get('LF_TEST_ETCD_ROUNDS', '12'))
# The shortest lease that there is, in which there are three keep-alives
SHORT = 2
# Most of them are waited for, but with the sanitizers each is a large program
AT_ONCE = 8 if SANITIZED else 20

JSON = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n'


def answer(body, head=JSON):
    return head + f'Content-Length: {len(body)}\r\n\r\n'.encode() + body


def header(**members):
    return json.dumps({'header': {'revision': '7', 'cluster_id': '1', 'member_id': '2',
                                  'raft_term': '3'}, **members}).encode()


# The name of each answer is in the message of a failure
ANSWERS = {
    'closes': b'',
    'no HTTP': b'hello\r\n\r\n',
    'zeros': bytes(10_000),
    'bytes': random.Random(1).randbytes(10_000),
    'TLS': b'\x15\x03\x03\x00\x02\x02\x28',
    'half a head': b'HTTP/1.1 200 OK\r\nContent-',
    'a long head': b'HTTP/1.1 200 OK\r\nX: ' + b'x' * 1_000_000,
    'many heads': b'HTTP/1.1 200 OK\r\n' + b'X: y\r\n' * 100_000,
    'status 0': b'HTTP/1.1 0 \r\n\r\n',
    'status 100 for ever': b'HTTP/1.1 100 Continue\r\n\r\n' * 10_000,
    'no body': answer(b''),
    'not found': answer(b'404 page not found\n', b'HTTP/1.1 404 Not Found\r\n'),
    'broken server': answer(b'<html>', b'HTTP/1.1 502 Bad Gateway\r\n'),
    'to itself': b'HTTP/1.1 307 Temporary Redirect\r\nLocation: /v3/kv/txn\r\n'
                 b'Content-Length: 0\r\n\r\n',
    'wants a password': answer(b'', b'HTTP/1.1 401 Unauthorized\r\n'
                                    b'WWW-Authenticate: Basic realm="x"\r\n'),
    'less than it says': JSON + b'Content-Length: 1000\r\n\r\n{}',
    'a negative length': JSON + b'Content-Length: -1\r\n\r\n{}',
    'bad chunks': JSON + b'Transfer-Encoding: chunked\r\n\r\nxyz\r\n{}\r\n',
    'a large chunk': JSON + b'Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n{}\r\n',
    'html': answer(b'<html><body>Welcome</body></html>'),
    'null': answer(b'null'),
    'a number': answer(b'1'),
    'a string': answer(b'"x"'),
    'an array': answer(b'[]'),
    'an object': answer(b'{}'),
    'half': answer(b'{"header":{"revision":"7"'),
    'two': answer(header() + header()),
    'deep': answer(b'[' * 500_000),
    'deep objects': answer(b'{"header":' * 200_000),
    'bad UTF-8': answer(b'{"header":{"revision":"\xff\xfe"}}'),
    'NUL': answer(b'{"header":\0{"revision":"7"}}'),
    'other types': answer(b'{"header":[1],"ID":{"a":1},"TTL":[],"responses":"x","succeeded":7}'),
    'a revision that is none': answer(b'{"header":{"revision":"x"},"ID":"y","TTL":"z"}'),
    'too large': answer(b'{"header":{"revision":"99999999999999999999999"},"ID":"1","TTL":"1e99"}'),
    'negative': answer(b'{"header":{"revision":"-7"},"ID":"-1","TTL":"-1"}'),
    'strange responses': answer(header(succeeded=True, responses=[None, 1, 'x', {}, []])),
    'strange keys': answer(header(succeeded=True, responses=[
        {'response_range': {'kvs': [{'key': '!!', 'create_revision': []}, 1, None]}}] * 3)),
    'errors': answer(b'{"error":{"code":[],"message":{}},"code":"x","message":7}'),
    'an unknown error': answer(b'{"error":"x","code":99,"message":"\\u0000\\u001b[31m"}'),
    'an empty result': answer(b'{"result":{}}'),
    'a result that is none': answer(b'{"result":[]}'),
}


class Fake:
    """A server that reads a request and answers with these bytes, for each request again.
    Without any it says nothing; with `more`, that follows forever."""

    def __init__(self, data=None, more=None):
        self.data = data
        self.more = more
        self.address = loopback_address()
        self.listener = socket.create_server((self.address, 2379), backlog=100)
        self.streams = []
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        with contextlib.suppress(OSError):
            while True:
                stream, _ = self.listener.accept()
                self.streams.append(stream)
                threading.Thread(target=self.serve, args=[stream], daemon=True).start()

    def serve(self, stream):
        with contextlib.suppress(OSError):
            while request := stream.recv(65536):
                if self.data is None:
                    continue
                # The rest of the request
                if match := re.search(rb'content-length: (\d+)', request, re.IGNORECASE):
                    head, _, body = request.partition(b'\r\n\r\n')
                    while len(body) < int(match[1]):
                        body += stream.recv(65536)
                stream.sendall(self.data)
                while self.more:
                    stream.sendall(self.more)
                if not self.data:
                    break
            stream.shutdown(socket.SHUT_RDWR)

    def uri(self, name):
        return f'etcd://{self.address}:2379/{name}'

    def close(self):
        for stream in [self.listener, *self.streams]:
            with contextlib.suppress(OSError):
                stream.shutdown(socket.SHUT_RDWR)
            stream.close()


class Fakes(EtcdTest):
    def fake(self, *arguments):
        fake = Fake(*arguments)
        self.addCleanup(fake.close)
        return fake

    def expect_error(self, peer, name, command, limit):
        begin = clock()
        peer.ask(f'{command.replace("NAME", name)}', r'error \S+ \d+ \S', limit)
        self.assertLess(clock() - begin, limit * 1_000_000)

    def test_no_answer(self):
        """A server that answers nothing: the timeout and the cancellation hold."""
        fake = self.fake()
        peer = self.peer()
        peer.new('a', fake.uri('x'))
        for command in 'acquire a 1', 'acquire-sync a 1':
            begin = clock()
            end, _ = peer.ask(command, f'({TIMED_OUT}|error {IO_ERROR})')
            self.assertLess(end - begin, 2_500_000)
        peer.tell('acquire a')
        peer.say_nothing('a (held|error)', 1)
        begin = clock()
        peer.tell('cancel a')
        self.assertLess(peer.wait(f'a {CANCELLED}')[0] - begin, 1_000_000)
        peer.ask('try a', 'error', 30)
        begin = clock()
        peer.ask('drop a', 'ok')
        peer.finish()
        self.assertLess(clock() - begin, 5_000_000)

    def each_answer(self, commands, limit):
        """Asks a server for each of the answers, some at the same time."""
        def run(name):
            fake = self.fake(ANSWERS[name])
            peer = self.peer()
            peer.new('a', fake.uri('x'))
            for command, pattern in commands.items():
                begin = clock()
                try:
                    peer.ask(command, pattern, limit)
                except AssertionError as error:
                    return f'{name}, {command}, {(clock() - begin) / 1e6:.1f} s: {error}'
            peer.ask('drop a', 'ok')
            peer.finish()
            fake.close()
            return None

        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            failures = [failure for failure in pool.map(run, ANSWERS) if failure]
        self.assertEqual(failures, [])

    def test_garbage_for_claims(self):
        """Each answer that is none is an error in time."""
        self.each_answer({command: r'error \S+ \d+ \S'
                          for command in ('acquire a 1', 'acquire-sync a 1')}, 4)

    def test_garbage_for_questions(self):
        self.each_answer({command: '(error|holder|locked|broken)'
                          for command in ('try a', 'holder a')}, 12)

    def test_without_end(self):
        """An endless answer does not fill the memory."""
        peer = self.peer()
        for number, (data, more) in enumerate([
                (JSON + b'\r\n', b'{"header":{}}\n' * 1000), (JSON + b'\r\n', b' ' * 100_000),
                (JSON + b'\r\n[', b'1,' * 50_000), (b'HTTP/1.1 200 OK\r\nX: ', b'x' * 100_000),
                (b'HTTP/1.1 200 OK\r\n', b'X: y\r\n' * 10_000)]):
            fake = self.fake(data, more)
            peer.new(f'n{number}', fake.uri('x'))
            self.expect_error(peer, f'n{number}', 'acquire NAME 2', 10)
            peer.ask(f'drop n{number}', 'ok')
            fake.close()
            with open(f'/proc/{peer.pid}/status', encoding='ascii') as status:
                self.assertLess(int(re.search(r'VmHWM:\s*(\d+)', status.read())[1]), 300_000)


def spoil(random_numbers, share):
    """A function that changes so many of the replies."""
    def changed(data):
        data = bytearray(data)
        if random_numbers.random() > share:
            return bytes(data)
        start = random_numbers.randrange(len(data))
        end = min(start + random_numbers.randrange(1, 40), len(data))
        kind = random_numbers.randrange(6)
        if kind == 0:
            data[start] ^= 1 << random_numbers.randrange(8)
        elif kind == 1:
            del data[start:end]
        elif kind == 2:
            data[start:start] = data[start:end]
        elif kind == 3:
            data[start:end] = random_numbers.randbytes(end - start)
        elif kind == 4:
            digits = [i for i, byte in enumerate(data) if chr(byte).isdigit()] or [start]
            data[random_numbers.choice(digits)] = ord(random_numbers.choice('-x9"0'))
        else:
            # The end of the connection
            del data[start:]
        return bytes(data)

    return changed


class Spoiled(EtcdTest):
    """Claims through a proxy that changes some of the replies. The bytes may then mean what the
    server has not said, so it is not tested what the result is, but that there is one, that the
    process lives on, and that everything works when the connection does."""

    def run_through(self, share, seed):
        server = shared_cluster()
        proxy = self.proxy(server.members[0])
        peer, other = self.peer(), self.peer()
        random_numbers = random.Random(seed)
        mode = spoil(random_numbers, share)
        name = f'{self.name}-{seed}'
        other.new('o', server.uri(name))
        results = {'held': 0, 'error': 0, 'lost': 0}
        for number in range(ROUNDS):
            proxy.set_mode('pass' if number % 3 == 2 else mode)
            peer.new(f'n{number}', proxy.uri(name), lease_duration=SHORT)
            # In turns free, and held by another so that it watches
            busy = number % 2 and other.ask('try o', '(held|error)')[1][1] == 'held'
            peer.tell(f'acquire n{number} 1.2')
            if number % 3 == 2:
                proxy.set_mode(mode)
            if busy:
                other.ask('release o', '(released|error)')
            _, match = peer.wait(f'n{number} (held|error)', 15)
            results[match[1]] += 1
            if match[1] == 'held':
                # Some keep-alives
                with contextlib.suppress(AssertionError):
                    peer.wait(f'n{number} lost', SHORT)
                    results['lost'] += 1
                peer.tell(f'release n{number}')
                peer.wait(f'n{number} (released|error)', 15)
            peer.ask(f'drop n{number}', 'ok')
        proxy.set_mode('pass')
        peer.new('end', proxy.uri(name))
        peer.ask(f'acquire end {LEASE + 2 * SLACK}', 'held')
        peer.finish()
        print(f'# seed {seed}, {share} of the replies changed: {results}')

    def test_some(self):
        self.run_through(0.2, 1)

    def test_many(self):
        self.run_through(0.6, 2)

    def test_all(self):
        self.run_through(1, 3)


if __name__ == '__main__':
    sys.exit(main())
