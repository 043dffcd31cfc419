#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

"""Locks in an etcd that wants certificates, or a user and a password."""

import os
import sys
import time

from etcd_testing import LEASE, SLACK, EtcdTest, clock, main, wait_until

# G_IO_ERROR_PERMISSION_DENIED
DENIED = 'error g-io-error-quark 14'
TROUBLE = r'error (g-io-error-quark|g-tls-error-quark) \d+ \S'


class Certificates(EtcdTest):
    def setUp(self):
        super().setUp()
        self.server = self.cluster(tls=True)
        certificates = self.server.certificates
        self.uri = self.server.uri('x')
        self.mine = {'ca_file': certificates.ca, 'certificate_file': certificates.client[0],
                     'key_file': certificates.client[1]}

    def test_both_sides(self):
        """Server and client have certificates: everything works as without."""
        holder, waiter = self.peer(), self.peer()
        _, token = holder.hold('a', self.uri, lease_duration=5, **self.mine)
        waiter.new('b', self.uri, lease_duration=5, **self.mine)
        waiter.tell('acquire b')
        holder.say_nothing('a lost', 7)
        waiter.ask('holder b', f'(holder .*{holder.pid}|held)')
        holder.ask('release a', 'released')
        self.assertGreater(int(waiter.wait(r'b held (\d+)')[1][1]), token)
        # In the variables of etcdctl, with which it runs beside
        peer = self.peer(env={'ETCDCTL_CACERT': self.mine['ca_file'],
                              'ETCDCTL_CERT': self.mine['certificate_file'],
                              'ETCDCTL_KEY': self.mine['key_file']})
        peer.new('c', self.uri)
        peer.tell('acquire c')
        waiter.ask('release b', 'released')
        peer.wait('c held')

    def test_relative_paths(self):
        """Paths may be relative, as etcdctl's."""
        peer = self.peer()
        peer.hold('a', self.uri, **{name: os.path.relpath(path)
                                    for name, path in self.mine.items()})

    def test_refused(self):
        """What does not fit together is an error at once, and nothing is held."""
        certificates = self.server.certificates
        plain = f'etcd://{self.server.members[0].address}:2379/x'
        elsewhere = self.proxy(self.server.members[0])
        for words, uri, properties in [
                ('an authority that is not the server\'s', self.uri,
                 {**self.mine, 'ca_file': certificates.other_ca}),
                ('no authority', self.uri, {**self.mine, 'ca_file': None}),
                ('no certificate', self.uri, {'ca_file': certificates.ca}),
                ('a key that is not the certificate\'s', self.uri,
                 {**self.mine, 'key_file': certificates.server[1]}),
                ('no file', self.uri, {**self.mine, 'ca_file': self.directory + '/none'}),
                ('no certificate in the file', self.uri,
                 {**self.mine, 'ca_file': self.path('empty')}),
                ('not encrypted', plain, {}),
                ('an address that is not in the certificate',
                 elsewhere.uri('x').replace('etcd:', 'etcd+tls:'), self.mine)]:
            for command in 'try a', 'acquire a 2', 'acquire-sync a 2':
                with self.subTest(f'{words}, {command}'):
                    peer = self.peer()
                    peer.new('a', uri, **properties)
                    begin = clock()
                    peer.ask(command, TROUBLE, 20)
                    self.assertLess(clock() - begin, 5_000_000)
                    peer.finish()

    def test_not_encrypted_server(self):
        """A server without TLS is not taken for one with."""
        server = self.cluster()
        peer = self.peer()
        peer.new('a', server.uri('x').replace('etcd:', 'etcd+tls:'), **self.mine)
        peer.ask('acquire a 5', TROUBLE)


class Users(EtcdTest):
    def setUp(self):
        super().setUp()
        # Logins expire after a second or two in which they are not used, and take no time
        self.server = self.cluster(options=['--auth-token-ttl=1', '--bcrypt-cost=4'])
        self.uri = self.server.uri('x')
        for words in [['user', 'add', 'root:of-all'], ['user', 'grant-role', 'root', 'root'],
                      ['user', 'add', 'job:secret'], ['role', 'add', 'jobs'],
                      ['role', 'grant-permission', 'jobs', '--prefix=true', 'readwrite', 'x/'],
                      ['user', 'grant-role', 'job', 'jobs'], ['auth', 'enable']]:
            self.server.etcdctl(*words)
        self.job = {'user': 'job', 'password': 'secret'}

    def wait_for_claims(self, count):
        wait_until(lambda: len(self.as_root('get', '--prefix', 'x/', '--keys-only').split()) == count)

    def as_root(self, *words, **options):
        return self.server.etcdctl(*words, user='root:of-all', **options)

    def test_login(self):
        """With a password from the properties, or from etcdctl's variables."""
        peers = [self.peer(), self.peer(env={'ETCDCTL_USER': 'job:secret'}),
                 self.peer(env={'ETCDCTL_USER': 'job', 'ETCDCTL_PASSWORD': 'secret'})]
        for peer, properties in zip(peers, [self.job, {}, {}]):
            peer.hold('a', self.uri, **properties)
            peer.ask('release a', 'released')

    def test_expired(self):
        """A holder and a waiter whose logins have expired log in again."""
        holder, waiter = self.peer(), self.peer()
        holder.hold('a', self.uri, lease_duration=9, **self.job)
        waiter.new('b', self.uri, lease_duration=9, **self.job)
        waiter.tell('acquire b')
        self.wait_for_claims(2)
        holder.say_nothing('a lost', 5)
        begin = clock()
        holder.ask('release a', 'released')
        granted, _ = waiter.wait('b held')
        # Not only when the waiter looks again
        self.assertLess(granted - begin, 2_500_000)
        time.sleep(4)
        waiter.ask('locked b', 'locked yes')
        waiter.ask('release b', 'released')
        waiter.ask('locked b', 'locked no')

    def test_server_restarted(self):
        """A server that was started again knows no logins, and asks for them."""
        holder, waiter = self.peer(), self.peer()
        holder.hold('a', self.uri, lease_duration=9, **self.job)
        waiter.new('b', self.uri, lease_duration=9, **self.job)
        waiter.tell('acquire b')
        self.wait_for_claims(2)
        self.server.members[0].kill()
        self.server.start()
        holder.say_nothing('a lost', 2)
        holder.ask('release a', 'released')
        waiter.wait('b held')

    def test_password_changed(self):
        """Without the new password nothing new is granted. What is held is released, or is
        free when the lease is over."""
        holder, other = self.peer(), self.peer()
        holder.hold('a', self.uri, **self.job)
        self.as_root('user', 'passwd', 'job', '--interactive=false', stdin='changed\n')
        holder.new('b', self.server.uri('x/2'), **self.job)
        holder.ask('acquire b 5', DENIED)
        other.new('a', self.uri, user='job', password='changed')
        other.tell('acquire a')
        begin = clock()
        # It waits for the release, and then asks who holds the lock
        holder.ask('release a', '(released|error)', 20)
        self.assertLess(other.wait('a held')[0] - begin, (LEASE + SLACK) * 1_000_000)

    def test_refused(self):
        """A wrong password, an unknown user, no user, and a user without permission: each is an
        error at once."""
        peer = self.peer()
        for number, (uri, properties) in enumerate([
                (self.uri, {**self.job, 'password': 'wrong'}), (self.uri, {**self.job, 'user': 'no'}),
                (self.uri, {}), (self.server.uri('other'), self.job)]):
            peer.new(f'n{number}', uri, **properties)
            for command in 'try', 'acquire', 'acquire-sync', 'locked', 'holder', 'break':
                with self.subTest(f'{command} {properties}'):
                    begin = clock()
                    _, match = peer.ask(f'{command} n{number}', f'{DENIED} (.*)')
                    self.assertLess(clock() - begin, 5_000_000)
                    self.assertNotIn('wrong', match[1])
                    self.assertNotIn('secret', match[1])

    def test_permission_withdrawn(self):
        """A waiter whose permission ends is told, or waits on; it does not get the lock."""
        holder, waiter = self.peer(), self.peer()
        holder.hold('a', self.uri, user='root', password='of-all')
        waiter.new('b', self.uri, **self.job)
        waiter.tell('acquire b')
        self.wait_for_claims(2)
        self.as_root('user', 'revoke-role', 'job', 'jobs')
        holder.ask('release a', 'released')
        holder.ask(f'acquire a {2 * LEASE + SLACK}', 'held')


if __name__ == '__main__':
    sys.exit(main())
