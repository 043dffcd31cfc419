#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

"""Locks in etcd, on one server: exclusion, order, loss, and what the claims of a process share."""

import json
import os
import re
import signal
import sys
import time

from etcd_testing import (ALREADY_LOCKED, CANCELLED, COUNT, IO_ERROR, LEASE, LF_LOCK, NOT_LOCKED,
                          NOT_MY_LOCK, SLACK, TIMED_OUT, EtcdTest, clock, in_base64,
                          loopback_address, main, shared_cluster, wait_until)


class SharedServerTest(EtcdTest):
    def setUp(self):
        super().setUp()
        self.server = shared_cluster()
        self.uri = self.server.uri(self.name)

    def etcdctl_lock(self, *command):
        return self.start(self.server.etcdctl_command('lock', '--ttl', str(LEASE), self.name,
                                                      *(['--', *command] if command else [])))

    def wait_for_claims(self, count, name=None):
        return self.server.wait_for_claims(name or self.name, count)


class Lock(SharedServerTest):
    def test_acquire_and_release(self):
        """The states of a lock, in the words of the interface that it shares with files."""
        peer = self.peer()
        _, token = peer.hold('a', self.uri)
        self.assertEqual(peer.get('a', 'held'), 'TRUE')
        self.assertEqual(int(peer.get('a', 'fencing-token')), token)
        # A tenth is left before the server's end of the lease
        self.assertTrue(0 < float(peer.get('a', 'remaining')) <= LEASE * 0.9)
        peer.ask('locked a', 'locked yes')
        peer.ask('holder a', f'holder .*{peer.pid}')
        # From the thread that holds it
        peer.ask('acquire-sync a', f'held {token}')

        peer.ask('release a', 'released')
        self.assertEqual(peer.get('a', 'held'), 'FALSE')
        self.assertLessEqual(float(peer.get('a', 'remaining')), 0)
        peer.ask('locked a', 'locked no')
        peer.ask('holder a', 'holder nobody')
        peer.ask('release a', f'error {NOT_LOCKED}')
        self.assertEqual(self.server.claims(self.name), [])
        peer.finish()

    def test_token_rises(self):
        """Each grant has a higher token than all before, for every process."""
        tokens = []
        peers = [self.peer() for _ in range(2)]
        for peer in peers:
            peer.new('a', self.uri)
        for i in range(20):
            command = ['acquire a', 'acquire-sync a', 'try a'][i % 3]
            tokens.append(int(peers[i % 2].ask(command, r'held (\d+)')[1][1]))
            peers[i % 2].ask('release a', 'released')
        self.assertEqual(tokens, sorted(set(tokens)))

    def test_held_by_another(self):
        """Two objects exclude each other, in one process and in two."""
        holder = self.peer()
        holder.hold('a', self.uri)
        for peer in holder, self.peer():
            peer.new('b', self.uri)
            peer.ask('try b', ALREADY_LOCKED)
            peer.ask('acquire b 0', ALREADY_LOCKED)
            for command in 'acquire', 'acquire-sync':
                begin = clock()
                end, _ = peer.ask(f'{command} b 0.5', TIMED_OUT)
                self.assertGreaterEqual(end - begin, 500_000)
                self.assertLess(end - begin, 2_000_000)
            peer.ask('release b', f'error {NOT_MY_LOCK}')
            peer.ask('locked b', 'locked yes')
            peer.ask('holder b', f'holder .*{holder.pid}')
        # Those that gave up have left nothing
        self.wait_for_claims(1)
        self.assertFalse(holder.has('a lost'))

    def test_cancel(self):
        """A cancelled claim leaves the queue at once, and those behind it move up."""
        holder, first, second = self.peer(), self.peer(), self.peer()
        holder.hold('a', self.uri)
        for count, peer in enumerate((first, second), 2):
            peer.new('b', self.uri)
            peer.tell('acquire b')
            self.wait_for_claims(count)
        begin = clock()
        first.tell('cancel b')
        end, _ = first.wait(f'b {CANCELLED}')
        self.assertLess(end - begin, 1_000_000)
        self.wait_for_claims(2)
        holder.ask('release a', 'released')
        second.wait('b held')

    def test_hand_off(self):
        """The next one has it at once, not at its next look."""
        holder, waiter = self.peer(), self.peer()
        holder.hold('a', self.uri)
        waiter.new('b', self.uri)
        times = []
        for _ in range(5):
            waiter.tell('acquire b')
            self.wait_for_claims(2)
            released = clock()
            holder.ask('release a', 'released')
            times.append(waiter.wait('b held')[0] - released)
            holder.tell('acquire a')
            self.wait_for_claims(2)
            waiter.ask('release b', 'released')
            holder.wait('a held')
        self.assertLess(min(times), 200_000)

    def test_dropped(self):
        """An object without references gives the lock and its place in the queue back."""
        peers = [self.peer() for _ in range(3)]
        peers[0].hold('a', self.uri)
        for count, peer in enumerate(peers[1:], 2):
            peer.new('a', self.uri)
            peer.tell('acquire a')
            self.wait_for_claims(count)
        begin = clock()
        peers[0].ask('drop a', 'ok')
        self.assertLess(peers[1].wait('a held')[0] - begin, 1_500_000)
        # Exit is an end like any other
        begin = clock()
        peers[1].finish()
        self.assertLess(peers[2].wait('a held')[0] - begin, (LEASE + SLACK) * 1_000_000)

    def test_keeps_the_lease(self):
        """A lock is held for many times its lease, and so is a place in the queue."""
        holder, waiter = self.peer(), self.peer()
        _, token = holder.hold('a', self.uri, lease_duration=5)
        waiter.new('b', self.uri, lease_duration=5)
        waiter.tell('acquire b')
        key = self.wait_for_claims(2)[1]['key']
        holder.say_nothing('a lost', 12)
        self.assertEqual(int(holder.get('a', 'fencing-token')), token)
        self.assertEqual(self.wait_for_claims(2)[1]['key'], key)
        holder.ask('release a', 'released')
        waiter.wait('b held')

    def test_blocked(self):
        """A process that does not return to its main loop for many times its lease keeps it."""
        holder, other = self.peer(), self.peer()
        _, token = holder.hold('a', self.uri, lease_duration=LEASE)
        other.hold('b', self.uri + '-other')
        holder.new('b', self.uri + '-other')
        holder.ask(f'acquire-sync b {3 * LEASE}', TIMED_OUT, 3 * LEASE + SLACK)
        other.new('a', self.uri)
        other.ask('try a', ALREADY_LOCKED)
        holder.ask('verify a', 'verified')
        self.assertEqual(int(holder.get('a', 'fencing-token')), token)
        self.assertFalse(holder.has('a lost'))

    def test_names(self):
        """A name may have any characters; only the same name is the same lock."""
        peer = self.peer()
        names = ['a%2Fb', 'a', 'a%20b', '%C3%A9', 'a%25', 'a.b', "a'b", 'a%2F', '..%2F..', 'x' * 200]
        for number, name in enumerate(names):
            peer.hold(f'n{number}', self.server.uri(f'{self.name}-{name}'))
        for number, name in enumerate(names):
            peer.new('again', self.server.uri(f'{self.name}-{name}'))
            peer.ask('try again', ALREADY_LOCKED)
            peer.ask('drop again', 'ok')

    def test_break(self):
        """The holder of a broken lock is told at once, and the next one gets it."""
        holder, waiter, breaker = self.peer(), self.peer(), self.peer()
        _, token = holder.hold('a', self.uri)
        waiter.new('b', self.uri)
        waiter.tell('acquire b')
        self.wait_for_claims(2)
        begin = clock()
        breaker.new('c', self.uri)
        breaker.ask('break c', 'broken')
        self.assertLess(holder.wait('a lost')[0] - begin, 1_500_000)
        self.assertEqual(holder.get('a', 'held'), 'FALSE')
        self.assertGreater(int(waiter.wait(r'b held (\d+)')[1][1]), token)
        holder.ask('release a', f'error {NOT_MY_LOCK}')
        waiter.ask('release b', 'released')
        holder.ask('acquire a', 'held')

    def test_deleted_by_an_operator(self):
        """So is the holder of a key that is deleted, or whose lease is revoked. A waiter that
        this happens to queues again."""
        holder, waiter = self.peer(), self.peer()
        holder.hold('a', self.uri)
        begin = clock()
        self.server.etcdctl('del', '--prefix', f'{self.name}/')
        self.assertLess(holder.wait('a lost')[0] - begin, 1_500_000)
        holder.ask('release a', f'error {NOT_LOCKED}')

        holder.ask('acquire a', 'held')
        lease = self.wait_for_claims(1)[0]['lease']
        begin = clock()
        self.server.etcdctl('lease', 'revoke', f'{int(lease):x}')
        self.assertLess(holder.wait('a lost')[0] - begin, 1_500_000)

        holder.ask('acquire a', 'held')
        waiter.new('b', self.uri)
        waiter.tell('acquire b')
        key = self.wait_for_claims(2)[1]['key']
        self.server.post('/v3/kv/deleterange', {'key': key})
        self.wait_for_claims(2)
        holder.ask('release a', 'released')
        waiter.wait('b held')


class Exclusion(SharedServerTest):
    def test_counter_beside_etcdctl(self):
        """Eight processes, half of them etcdctl, add one to a number in steps that are not
        atomic, where tokens are checked: the sum is exact and no token is refused."""
        rounds, many = 8, 40
        counter = self.path('counter', f'{0:020} {0:020}\n')
        command = [sys.executable, COUNT, self.server.members[0].client_url, counter]

        def repeated(*words):
            script = f'for i in $(seq {rounds}); do "$@" || exit; done'
            return self.start(['sh', '-c', script, 'sh', *words])

        processes = [repeated(*self.server.etcdctl_command('lock', self.name, '--', *command))
                     for _ in range(4)]
        processes += [repeated(LF_LOCK, 'run', self.uri, '--', *command) for _ in range(2)]
        peers = [self.peer() for _ in range(2)]
        for peer in peers:
            peer.new('a', self.uri)
            peer.tell(f'count a {counter} {many}')
        for peer in peers:
            peer.wait('a counted', 50)
        for process in processes:
            _, errors = process.communicate(timeout=50)
            self.assertEqual(process.returncode, 0, errors)
        with open(counter, encoding='ascii') as file:
            self.assertEqual(int(file.read().split()[0]), 6 * rounds + 2 * many)

    def test_order_beside_etcdctl(self):
        """First come, first served, with claims of etcdctl and of this library in one queue."""
        holder = self.peer()
        holder.hold('a', self.uri)
        order = self.path('order')
        queue = []
        for number in range(6):
            if number % 3 == 1:
                queue.append(self.etcdctl_lock('sh', '-c', f'echo {number} >>{order}'))
            else:
                peer = self.peer()
                peer.new('a', self.uri)
                peer.tell('acquire a')
                queue.append(peer)
            self.wait_for_claims(number + 2)
        holder.ask('release a', 'released')
        for number, claim in enumerate(queue):
            if number % 3 == 1:
                self.assertEqual(claim.wait(30), 0)
            else:
                claim.wait('a held')
                with open(order, 'a', encoding='ascii') as file:
                    file.write(f'{number}\n')
                claim.ask('release a', 'released')
        with open(order, encoding='ascii') as file:
            self.assertEqual(file.read().split(), [str(number) for number in range(6)])

    def test_etcdctl_holds(self):
        """Another client's lock is a lock, with a holder of whom nothing is known."""
        other = self.etcdctl_lock()
        self.wait_for_claims(1)
        peer = self.peer()
        # A try is given up after a third of the lease, and other cases keep the machine busy
        peer.new('a', self.uri, lease_duration=12)
        peer.ask('try a', ALREADY_LOCKED)
        peer.ask('locked a', 'locked yes')
        peer.ask('holder a', 'holder (?!nobody)')
        peer.tell('acquire a')
        self.wait_for_claims(2)
        other.send_signal(signal.SIGINT)
        peer.wait('a held')


class Crash(SharedServerTest):
    def test_killed(self):
        """The lock of a killed process is free when its lease has expired, not before."""
        holder, waiter = self.peer(), self.peer()
        holder.hold('a', self.uri)
        waiter.new('b', self.uri)
        waiter.tell('acquire b')
        self.wait_for_claims(2)
        begin = clock()
        holder.send(signal.SIGKILL)
        granted, _ = waiter.wait('b held')
        self.assertLess(granted - begin, (LEASE + SLACK) * 1_000_000)
        # It was renewed at least once in half of that time
        self.assertGreater(granted - begin, LEASE * 1_000_000 / 4)

    def test_killed_in_the_queue(self):
        """Nobody waits for a waiter that is gone, once its lease has expired."""
        holder, gone, waiter = self.peer(), self.peer(), self.peer()
        holder.hold('a', self.uri)
        for count, peer in enumerate((gone, waiter), 2):
            peer.new('b', self.uri)
            peer.tell('acquire b')
            self.wait_for_claims(count)
        begin = clock()
        gone.send(signal.SIGKILL)
        holder.ask('release a', 'released')
        self.assertLess(waiter.wait('b held')[0] - begin, (LEASE + SLACK) * 1_000_000)

    def test_stopped(self):
        """A process that was stopped for longer than its lease is told of the loss before
        anything else in its main loop is dispatched."""
        holder, waiter = self.peer(), self.peer()
        _, token = holder.hold('a', self.uri)
        holder.tell('tick a')
        holder.wait('a tick')
        waiter.new('b', self.uri)
        waiter.tell('acquire b')
        self.wait_for_claims(2)
        holder.send(signal.SIGSTOP)
        # This waits too
        holder.tell('get a held')
        self.assertGreater(int(waiter.wait(r'b held (\d+)')[1][1]), token)
        time.sleep(LEASE / 2)
        begin = clock()
        holder.send(signal.SIGCONT)
        holder.wait('a value FALSE')
        after = [text for moment, text in holder.events if moment > begin]
        self.assertRegex(after[0], 'a lost', after)
        holder.ask('release a', f'error {NOT_MY_LOCK}')
        # The other keeps it
        waiter.say_nothing('b lost', LEASE)

    def test_stopped_for_a_moment(self):
        """A process that was stopped for less than its lease holds it as before."""
        holder = self.peer()
        holder.hold('a', self.uri, lease_duration=6)
        holder.send(signal.SIGSTOP)
        time.sleep(2)
        holder.send(signal.SIGCONT)
        holder.say_nothing('a lost', 2)
        holder.ask('release a', 'released')

    def test_stopped_while_it_waits(self):
        """A waiter that was stopped for longer than its lease queues again."""
        holder, waiter = self.peer(), self.peer()
        holder.hold('a', self.uri)
        waiter.new('b', self.uri)
        waiter.tell('acquire b')
        self.wait_for_claims(2)
        waiter.send(signal.SIGSTOP)
        self.wait_for_claims(1)
        waiter.send(signal.SIGCONT)
        self.wait_for_claims(2)
        holder.ask('release a', 'released')
        waiter.wait('b held')


    def test_many_stopped_while_they_wait(self):
        """All waiters of a process lose their places together. Each lines up again."""
        n_waits = 20
        holder, waiter = self.peer(), self.peer()
        holder.hold('a', self.uri)
        for number in range(n_waits):
            waiter.new(f'n{number}', self.uri)
            waiter.tell(f'acquire n{number}')
        self.wait_for_claims(n_waits + 1)
        for _ in range(2):
            waiter.send(signal.SIGSTOP)
            self.wait_for_claims(1)
            waiter.send(signal.SIGCONT)
            self.wait_for_claims(n_waits + 1)
        holder.ask('release a', 'released')
        for _ in range(n_waits):
            name = waiter.wait(r'(n\d+) held')[1][1]
            waiter.ask(f'release {name}', 'released')


class Many(SharedServerTest):
    def test_hundred_waits(self):
        """A hundred waits of one process: their connections and memory."""
        n_waits = 100
        holder, waiter = self.peer(), self.peer()
        names = [f'{self.name}-{number}' for number in range(n_waits)]
        waiter.hold('first', self.server.uri(f'{self.name}-first'), lease_duration=8)
        before = self.sockets_of(waiter), self.memory_of(waiter)
        for number, name in enumerate(names):
            holder.new(f'n{number}', self.server.uri(name), lease_duration=8)
            holder.tell(f'acquire n{number}')
        for _ in names:
            holder.wait(r'n\d+ held')
        for number, name in enumerate(names):
            waiter.new(f'n{number}', self.server.uri(name), lease_duration=8)
            waiter.tell(f'acquire n{number}')
        for name in names:
            self.wait_for_claims(2, name)

        n_sockets = self.sockets_of(waiter) - before[0]
        memory = (self.memory_of(waiter) - before[1]) / n_waits
        print(f'# {n_waits} waits: {n_sockets} connections, {memory:.0f} KiB each')
        self.assertLessEqual(n_sockets, n_waits + 10)
        if 'LF_TEST_SANITIZED' not in os.environ:
            self.assertLess(memory, 200)
        # The leases are renewed on time
        waiter.say_nothing(r'\S+ error', 9)
        self.assertFalse(holder.has(r'\S+ lost'))

        for number, _ in enumerate(names):
            holder.tell(f'release n{number}')
        for _ in names:
            waiter.wait(r'n\d+ held')
        for number, _ in enumerate(names):
            waiter.ask(f'release n{number}', 'released')
        wait_until(lambda: self.sockets_of(waiter) <= before[0] + 10, what='the end of connections')
        waiter.finish()

    def test_hundred_of_one_name(self):
        """A hundred claims of one process for one lock are granted one after the other."""
        peer = self.peer()
        for number in range(100):
            peer.new(f'n{number}', self.uri, lease_duration=10)
            peer.tell(f'acquire n{number}')
        granted = set()
        for _ in range(100):
            name = peer.wait(r'(n\d+) held')[1][1]
            granted.add(name)
            # The next one has it only now
            peer.ask(f'release {name}', 'released')
        self.assertEqual(len(granted), 100)

    @staticmethod
    def sockets_of(peer):
        directory = f'/proc/{peer.pid}/fd'
        return sum(os.readlink(os.path.join(directory, fd)).startswith('socket:')
                   for fd in os.listdir(directory))

    @staticmethod
    def memory_of(peer):
        with open(f'/proc/{peer.pid}/status', encoding='ascii') as status:
            return int(re.search(r'VmRSS:\s*(\d+)', status.read())[1])


class Server(EtcdTest):
    """Cases with a server that is treated badly."""

    def test_compacted(self):
        """A waiter that was cut off while the history was compacted looks at what is there."""
        server = self.cluster()
        proxy = self.proxy(server.members[0])
        holder, waiter = self.peer(), self.peer()
        holder.hold('a', server.uri('x'))
        waiter.new('b', proxy.uri('x'), lease_duration=20)
        waiter.tell('acquire b')
        server.wait_for_claims('x', 2)
        proxy.set_mode('closed')
        for number in range(20):
            revision = server.post('/v3/kv/put', {'key': in_base64('other'),
                                                  'value': in_base64(str(number))})
        server.post('/v3/kv/compaction', {'revision': revision['header']['revision'],
                                          'physical': True})
        holder.ask('release a', 'released')
        proxy.set_mode('pass')
        waiter.wait('b held')

    def test_killed_and_started_again(self):
        """The holder keeps the lock if the server comes back in time, with its data; waiters
        keep their places."""
        server = self.cluster()
        holder, *waiters = (self.peer() for _ in range(3))
        _, token = holder.hold('a', server.uri('x'), lease_duration=10)
        for count, waiter in enumerate(waiters, 2):
            waiter.new('b', server.uri('x'), lease_duration=10)
            waiter.tell('acquire b')
            server.wait_for_claims('x', count)
            # After this answer, it has the one to its claim, too: it knows that it waits
            waiter.ask('locked b', 'locked yes')
        server.members[0].kill()
        time.sleep(1)
        server.start()
        holder.say_nothing('a lost', 4)
        self.assertEqual(int(holder.get('a', 'fencing-token')), token)
        holder.ask('release a', 'released')
        waiters[0].wait('b held')
        waiters[0].ask('release b', 'released')
        waiters[1].wait('b held')

    def test_gone(self):
        """The holder is told when the time of its lease is over, although nobody answers. A
        claim of the same process waits until the server is there again."""
        server = self.cluster()
        holder, waiter = self.peer(), self.peer()
        holder.hold('a', server.uri('x'))
        waiter.new('b', server.uri('x'))
        waiter.tell('acquire b')
        server.wait_for_claims('x', 2)
        begin = clock()
        server.members[0].kill()
        lost, _ = holder.wait('a lost')
        self.assertLess(lost - begin, (LEASE + 0.5) * 1_000_000)
        server.start()
        waiter.wait('b held')

    def test_stopped(self):
        """The same with a server that is stopped: its connections stay."""
        server = self.cluster()
        holder = self.peer()
        holder.hold('a', server.uri('x'))
        begin = clock()
        server.members[0].send(signal.SIGSTOP)
        lost, _ = holder.wait('a lost')
        self.assertLess(lost - begin, (LEASE + 0.5) * 1_000_000)
        begin = clock()
        for command in 'acquire', 'acquire-sync':
            holder.ask(f'{command} a 1', f'({TIMED_OUT}|error {IO_ERROR})')
        self.assertLess(clock() - begin, 5_000_000)
        server.members[0].send(signal.SIGCONT)
        holder.ask('acquire a 20', 'held')

    def test_no_server(self):
        """Nobody listens there: an error of the network, at once."""
        address = loopback_address()
        peer = self.peer()
        peer.new('a', f'etcd://{address}:2379/x')
        for command in 'acquire a', 'acquire-sync a', 'try a', 'locked a', 'holder a', 'break a':
            begin = clock()
            _, match = peer.ask(command, f'error {IO_ERROR} (.*)', 20)
            self.assertIn(address, match[1])
            self.assertLess(clock() - begin, 10_000_000)

    def test_one_of_two_servers(self):
        """One of the servers that are named suffices."""
        server = shared_cluster().members[0].address
        peer = self.peer()
        for order in [loopback_address(), server], [server, loopback_address()]:
            endpoints = ','.join(f'{address}:2379' for address in order)
            peer.hold('a', f'etcd://{endpoints}/{self.name}')
            peer.ask('release a', 'released')

    def test_no_such_host(self):
        peer = self.peer()
        peer.new('a', 'etcd://no-such-host.invalid:2379/x')
        peer.ask('acquire a 5', r'error \S+ \d+ .*no-such-host\.invalid')


class Uri(EtcdTest):
    def test_wrong(self):
        """What is no URI of a lock is refused before anything is sent."""
        peer = self.peer()
        for number, uri in enumerate([
                'x', '/x', 'etcd:', 'etcd:x', 'etcd:/x', 'etcd://', 'etcd:///', 'etcd://host', 'etcd://host/', 'etcd://host:/', 'etcd://host:0/x',
                'etcd://host:99999/x', 'etcd://host:port/x', 'etcd://host:-1/x', 'etcd://host:1,/x',
                'etcd://,host:1/x', 'etcd://host:1,:2/x', 'etcd://[::1/x', 'etcd://::1]:1/x',
                'etcd://host/%', 'etcd://host/%zz', 'etcd://host/%00', 'etcd://host/x#y',
                'etcd+unix://', 'etcd+other://host/x', 'http://host/x', 'https://host:2379/x',
                'file:///x', 'etcd://ho%20st/x']):
            with self.subTest(uri):
                peer.ask(f'new u{number} {uri}', r'error \S+ \d+ \S')

    def test_right(self):
        """What the property says is the same URI with everything that it leaves out."""
        peer = self.peer()
        for number, (uri, full) in enumerate([
                ('etcd://host/x', 'etcd://host:2379/x'),
                ('etcd://host:23790/x', 'etcd://host:23790/x'),
                ('etcd://a:1,b,c:3/x', 'etcd://a:1,b:2379,c:3/x'),
                ('etcd://[::1]/x', 'etcd://[::1]:2379/x'),
                ('etcd://[::1]:1,127.0.0.1:2/x', 'etcd://[::1]:1,127.0.0.1:2/x'),
                ('etcd+tls://host/x', 'etcd+tls://host:2379/x'),
                ('etcd+unix://%2Frun%2Fetcd/x', 'etcd+unix://%2Frun%2Fetcd/x'),
                ('etcd://host/x%2Fy', 'etcd://host:2379/x/y')]):
            with self.subTest(uri):
                peer.ask(f'new u{number} {uri}', 'ok')
                self.assertEqual(peer.get(f'u{number}', 'uri'), full)

    def test_endpoints_of_etcdctl(self):
        """A URI without a host is one of the cluster that the environment names."""
        server = shared_cluster()
        peer = self.peer(env={'ETCDCTL_ENDPOINTS': server.members[0].client_url})
        peer.hold('a', f'etcd:///{self.name}')
        server.wait_for_claims(self.name, 1)
        peer = self.peer()
        peer.hold('a', f'etcd:///{self.name}-2',
                  endpoints=server.members[0].client_url.removeprefix('http://'))
        server.wait_for_claims(f'{self.name}-2', 1)

    def test_socket(self):
        """A socket of etcd, which names it after a port."""
        server = self.cluster(other_urls=['unix://localhost:1'])
        path = os.path.join(server.members[0].directory, 'localhost:1').replace('/', '%2F')
        peer = self.peer()
        peer.hold('a', f'etcd+unix://{path}/x')
        server.wait_for_claims('x', 1)

    def test_json_is_not_made_of_names(self):
        """A name goes to the server as it is."""
        server = shared_cluster()
        peer = self.peer()
        name = f'{self.name}"}},%5C'
        peer.hold('a', server.uri(name))
        keys = server.etcdctl('get', '--prefix', self.name, '--keys-only', '-w', 'json')
        self.assertEqual(json.loads(keys)['count'], 1)


if __name__ == '__main__':
    sys.exit(main())
