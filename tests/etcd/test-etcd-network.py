#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

"""Locks in etcd and a network that is cut: the program runs in a network namespace of its own,
from which others, the islands, can be cut off in one direction or both.

LF_TEST_ETCD_ROUNDS is how often each of seven holders is cut off in each of the three ways."""

import contextlib
import os
import subprocess
import sys
import time

from etcd_testing import LEASE, LIMIT, SLACK, EtcdTest, clock, dies_with_us, main, wait_until

ROUNDS = int(os.environ.get('LF_TEST_ETCD_ROUNDS', '1'))
N_HOLDERS = 7
# Nobody has this address
NOWHERE = '02:00:00:00:00:99'


def ip(*words, command=()):
    subprocess.run([*command, 'ip', *words], check=True)


class Island:
    """A network namespace with a cable to ours. There it has the address .2, we have .1."""

    n_islands = 0

    def __init__(self):
        Island.n_islands += 1
        number = Island.n_islands
        self.cable = f'island{number}'
        self.here, self.there = f'10.9.{number}.1', f'10.9.{number}.2'
        self.keeper = subprocess.Popen(['unshare', '--net', 'sleep', 'infinity'],
                                       preexec_fn=dies_with_us)
        ours = os.readlink('/proc/self/ns/net')
        wait_until(lambda: os.readlink(f'/proc/{self.keeper.pid}/ns/net') != ours)
        self.command = ['nsenter', '--net', '--target', str(self.keeper.pid), '--']
        ip('link', 'add', self.cable, 'type', 'veth', 'peer', 'name', 'sea',
           'netns', str(self.keeper.pid))
        self.address(self.here, self.cable)
        ip('link', 'set', 'lo', 'up', command=self.command)
        self.address(self.there, 'sea', self.command)
        self.routes()

    @staticmethod
    def address(address, device, command=()):
        ip('addr', 'add', f'{address}/24', 'dev', device, command=command)
        ip('link', 'set', device, 'up', command=command)

    def routes(self):
        ip('route', 'replace', 'default', 'via', self.here, command=self.command)

    def cut(self, how):
        if how == 'both':
            ip('link', 'set', self.cable, 'down')
        elif how == 'replies':
            ip('neigh', 'replace', self.there, 'lladdr', NOWHERE, 'nud', 'permanent', 'dev',
               self.cable)
        else:
            ip('neigh', 'replace', self.here, 'lladdr', NOWHERE, 'nud', 'permanent', 'dev',
               'sea', command=self.command)

    def mend(self, how):
        if how == 'both':
            ip('link', 'set', self.cable, 'up')
        elif how == 'replies':
            ip('neigh', 'del', self.there, 'dev', self.cable)
        else:
            ip('neigh', 'del', self.here, 'dev', 'sea', command=self.command)

    def close(self):
        self.keeper.kill()
        self.keeper.wait()


class Partition(EtcdTest):
    def island(self):
        island = Island()
        self.addCleanup(island.close)
        return island

    def cut_off(self, how):
        """Holders on an island are cut off from the server. Each is told of the loss before the
        one that waits for its lock gets it."""
        island = self.island()
        server = self.cluster(other_urls=[f'http://{island.here}:2379'])
        pairs = []
        for number in range(N_HOLDERS):
            holder, waiter = self.peer(command=island.command), self.peer()
            holder.new('a', f'etcd://{island.here}:2379/x{number}', lease_duration=LEASE)
            waiter.new('b', server.uri(f'x{number}'), lease_duration=LEASE)
            pairs.append((holder, waiter))
        margins = []
        for _ in range(ROUNDS):
            for number, (holder, waiter) in enumerate(pairs):
                wait_until(lambda holder=holder: holder.ask('acquire a', '(held|error)')[1][1] == 'held')
                waiter.tell('acquire b')
                server.wait_for_claims(f'x{number}', 2)
                # So that they are at different moments of their leases
                time.sleep(LEASE / 3 / N_HOLDERS)
            begin = clock()
            island.cut(how)
            for holder, waiter in pairs:
                lost, _ = holder.wait('a lost')
                granted, _ = waiter.wait('b held')
                self.assertLess(lost - begin, (LEASE + 0.5) * 1_000_000)
                margins.append(granted - lost)
            island.mend(how)
            for _, waiter in pairs:
                waiter.ask('release b', 'released')
        print(f'# {how}: {sum(margin > 0 for margin in margins)} of {len(margins)} told before, '
              f'by {min(margins) / 1e6:.2f} s at least')
        # There is a tenth of the lease for this, and etcd is not always late itself
        self.assertGreater(min(margins), 100_000)
        # With the network, locks work again. Until the cable carries, there is no route
        for holder, _ in pairs:
            wait_until(lambda holder=holder: holder.ask('acquire a 30', '(held|error)')[1][1] == 'held')

    def test_cable_cut(self):
        self.cut_off('both')

    def test_requests_lost(self):
        self.cut_off('requests')

    def test_replies_lost(self):
        self.cut_off('replies')

    def test_cut_for_a_moment(self):
        """If the network is there again in time, nothing is lost, and a waiter that was cut off
        when the lock was released still gets it."""
        island = self.island()
        server = self.cluster(other_urls=[f'http://{island.here}:2379'])
        here, there = self.peer(), self.peer(command=island.command)
        here.hold('a', server.uri('x'), lease_duration=9)
        there.new('b', f'etcd://{island.here}:2379/x', lease_duration=9)
        there.hold('c', f'etcd://{island.here}:2379/y', lease_duration=9)
        there.tell('acquire b')
        server.wait_for_claims('x', 2)
        island.cut('both')
        here.ask('release a', 'released')
        time.sleep(2)
        island.mend('both')
        there.wait('b held')
        there.say_nothing('[bc] lost', 3)

    def test_minority(self):
        """A member of three and a holder that talks to it are cut off together."""
        with open('/proc/sys/net/ipv4/ip_forward', 'w', encoding='ascii') as file:
            file.write('1')
        islands = [self.island() for _ in range(3)]
        server = self.cluster(addresses=[island.there for island in islands],
                              commands=[island.command for island in islands])
        leader = wait_until(server.leader)
        follower = next(member for member in server.members if member is not leader)
        for number, member in enumerate([leader, follower]):
            # First the leader, which others replace; then one that has never led, or has once
            island = islands[server.members.index(member)]
            others = [other for other in server.members if other is not member]
            holder, waiter = self.peer(command=island.command), self.peer()
            _, token = holder.hold('a', server.uri(f'x{number}', member), lease_duration=4)
            waiter.new('b', server.uri(f'x{number}', *others), lease_duration=4)
            waiter.tell('acquire b')
            server.wait_for_claims(f'x{number}', 2, others[0])
            begin = clock()
            island.cut('both')
            lost, _ = holder.wait('a lost')
            granted, match = waiter.wait(r'b held (\d+)', 4 * 2 + SLACK)
            print(f'# minority: told {(lost - begin) / 1e6:.2f} s after the cut, '
                  f'{(granted - lost) / 1e6:.2f} s before')
            self.assertLess(lost, granted)
            self.assertGreater(int(match[1]), token)
            island.mend('both')
            # Its routes went with the cable
            with contextlib.suppress(subprocess.CalledProcessError):
                island.routes()
            holder.tell('acquire a')
            waiter.ask('release b', 'released')
            holder.wait('a held', LIMIT / 2)


def enter_namespace():
    """Runs this program again, in a network namespace of its own."""
    if os.environ.get('LF_TEST_IN_NAMESPACE'):
        ip('link', 'set', 'lo', 'up')
        return
    unshare = ['unshare', '--net', *([] if os.geteuid() == 0 else ['--map-root-user'])]
    if subprocess.run([*unshare, 'true'], check=False, stderr=subprocess.DEVNULL).returncode != 0:
        print('1..0 # SKIP no namespaces here')
        sys.exit(0)
    os.environ['LF_TEST_IN_NAMESPACE'] = '1'
    os.execvp('unshare', [*unshare, sys.executable, '-B', *sys.argv])


if __name__ == '__main__':
    enter_namespace()
    sys.exit(main())
