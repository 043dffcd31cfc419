#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

"""Locks in etcd with three members, of which some are killed, stopped and started again.

LF_TEST_ETCD_SECONDS is how long the storm takes."""

import collections
import contextlib
import os
import random
import signal
import sys
import time

from etcd_testing import LIMIT, SLACK, EtcdTest, clock, main, wait_until

# Long enough for an election and a few requests that are sent again
LEASE = 6
STORM = int(os.environ.get('LF_TEST_ETCD_SECONDS', '12'))


class Members(EtcdTest):
    def setUp(self):
        super().setUp()
        self.server = self.cluster(3)
        self.uri = self.server.uri('x')
        self.holder, self.waiter = self.peer(), self.peer()
        _, self.token = self.holder.hold('a', self.uri, lease_duration=LEASE)
        self.waiter.new('b', self.uri, lease_duration=LEASE)
        self.waiter.tell('acquire b')
        self.server.wait_for_claims('x', 2)

    def assert_as_before(self):
        """The holder still has it, and the waiter is the next one."""
        self.assertEqual(int(self.holder.get('a', 'fencing-token')), self.token)
        self.assertFalse(self.holder.has('a lost'))
        self.assertFalse(self.waiter.has('b (held|error)'))
        begin = clock()
        self.holder.ask('release a', 'released', 10)
        granted, match = self.waiter.wait(r'b held (\d+)', LEASE + SLACK)
        self.assertGreater(int(match[1]), self.token)
        # The watch has found another member, so this did not take a lease
        self.assertLess(granted - begin, LEASE * 500_000)
        self.waiter.ask('release b', 'released')

    def test_leader_killed(self):
        wait_until(self.server.leader).kill()
        self.holder.say_nothing('a lost', LEASE + 1)
        self.assert_as_before()

    def test_follower_killed(self):
        leader = wait_until(self.server.leader)
        [member for member in self.server.members if member is not leader][0].kill()
        self.holder.say_nothing('a lost', LEASE + 1)
        self.assert_as_before()

    def test_each_killed_in_turn(self):
        """Every member is gone once, whichever the processes are connected to."""
        for member in self.server.members:
            member.kill()
            wait_until(self.server.leader)
            time.sleep(1)
            member.start()
            member.wait()
        self.assert_as_before()

    def test_leader_stopped(self):
        """It still has its connections, but answers nothing. When it continues, before 3.4.31
        it may revoke leases that its successor has renewed: then the holder is told."""
        leader = wait_until(self.server.leader)
        version = self.server.post('/v3/maintenance/status', {}, leader)['version']
        leader.send(signal.SIGSTOP)
        self.holder.say_nothing('a lost', LEASE + 1)
        self.assertFalse(self.waiter.has('b held'))
        leader.send(signal.SIGCONT)
        if tuple(map(int, version.split('.'))) < (3, 4, 31):
            with contextlib.suppress(AssertionError):
                self.holder.wait('a lost', 2)
                self.assertGreater(int(self.waiter.wait(r'b held (\d+)')[1][1]), self.token)
                return
        self.assert_as_before()

    def test_no_quorum(self):
        """Two of three are stopped: the holder is told on time, nobody else gets it before, and
        the next one gets it when they answer again."""
        begin = clock()
        stopped = self.server.members[1:]
        for member in stopped:
            member.send(signal.SIGSTOP)
        lost, _ = self.holder.wait('a lost')
        self.assertLess(lost - begin, (LEASE + 0.5) * 1_000_000)
        self.assertFalse(self.waiter.has('b held'))
        for member in stopped:
            member.send(signal.SIGCONT)
        granted, match = self.waiter.wait(r'b held (\d+)')
        self.assertGreater(granted, lost)
        self.assertGreater(int(match[1]), self.token)

    def test_restarted_from_disk(self):
        """All members are killed. Their data is there when they come back."""
        for member in self.server.members:
            member.kill()
        self.server.start()
        self.holder.say_nothing('a lost', 2)
        self.assert_as_before()


class Storm(EtcdTest):
    def test_storm(self):
        """Members are killed at random while six processes claim one lock: by the order of their
        tokens, each grant comes after the end of the one before."""
        server = self.cluster(3)
        journal = self.path('journal')
        peers = [self.peer() for _ in range(6)]
        for number, peer in enumerate(peers):
            members = random.sample(server.members, 3)
            peer.new('a', server.uri('x', *members), lease_duration=3 + number % 2)
            peer.tell(f'storm a {journal} {STORM * 1000}')
        end = time.monotonic() + STORM
        n_killed = 0
        while time.monotonic() < end:
            time.sleep(random.uniform(0.1, 1))
            for member in random.sample(server.members, random.choice([1, 1, 1, 2])):
                member.kill()
                n_killed += 1
            time.sleep(random.uniform(0, 1))
            for member in server.members:
                if member.process is None:
                    member.start()
            for member in server.members:
                wait_until(lambda member=member: self.answers(server, member))
        for peer in peers:
            peer.wait('a ended', LIMIT / 2)

        with open(journal, encoding='ascii') as file:
            grants = sorted(tuple(map(int, line.split()[:3])) + tuple(line.split()[3:])
                            for line in file)
        ends = collections.Counter(how for *_, how, _ in grants)
        print(f'# {len(grants)} grants, {ends["l"]} lost, {n_killed} members killed')
        self.assertGreater(len(grants), STORM)
        tokens = [token for token, *_ in grants]
        self.assertEqual(len(tokens), len(set(tokens)))
        self.assertGreater(len({pid for *_, pid in grants}), 1)
        for one, other in zip(grants, grants[1:]):
            self.assertLessEqual(one[2], other[1], (one, other))

    @staticmethod
    def answers(server, member):
        try:
            return server.post('/v3/kv/range', {'key': 'eA=='}, member)
        except OSError:
            return None


if __name__ == '__main__':
    sys.exit(main(at_once=4, first=['test_storm', 'test_no_quorum']))
