#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

"""lf-lock with locks in etcd."""

import json
import os
import signal
import subprocess
import sys
import time

from etcd_testing import (ENVIRONMENT, LF_LOCK, LIMIT, SLACK, EtcdTest, loopback_address, main,
                          shared_cluster, wait_until)

# Less than the default, so that cases fail if the option is not obeyed
LEASE = 3
LEASED = '--lease-duration=2.5'
BUSY = 75
LOST = 76


class CommandTest(EtcdTest):
    def setUp(self):
        super().setUp()
        self.server = shared_cluster()
        self.uri = self.server.uri(self.name)

    def lf_lock(self, *arguments, env=None):
        return subprocess.run([LF_LOCK, *arguments], env={**ENVIRONMENT, **(env or {})},
                              capture_output=True, text=True, timeout=LIMIT, check=False,
                              stdin=subprocess.DEVNULL, cwd=self.directory)

    def assert_ends(self, status, *arguments, **options):
        result = self.lf_lock(*arguments, **options)
        self.assertEqual(result.returncode, status, (arguments, result.stdout, result.stderr))
        return result

    def hold(self, *options, command='echo $$; read -r line; true'):
        """Starts lf-lock, and returns when it has the lock. It ends at the end of its input."""
        process = self.start([LF_LOCK, 'run', *options, self.uri, '--', 'sh', '-c', command])
        process.command_pid = int(process.stdout.readline())
        return process


class Run(CommandTest):
    def test_status_of_the_command(self):
        for status in 0, 1, BUSY:
            self.assert_ends(status, 'run', self.uri, '--', 'sh', '-c', f'exit {status}')
        self.assertEqual(self.server.claims(self.name), [])

    def test_token(self):
        """The command gets the token, which is the create revision of the key."""
        process = self.hold(command='echo $$; echo $LF_FENCING_TOKEN; read -r line; true')
        token = process.stdout.readline().strip()
        self.assertEqual(self.server.claims(self.name)[0]['create_revision'], token)
        following = self.server.post('/v3/kv/put', {'key': 'eA==', 'value': 'eA=='})
        process.communicate('\n', timeout=LIMIT)
        # A token in the environment is not passed on
        result = self.assert_ends(0, 'run', self.uri, '--', 'sh', '-c', 'echo $LF_FENCING_TOKEN',
                                  env={'LF_FENCING_TOKEN': '1'})
        self.assertGreater(int(result.stdout), int(following['header']['revision']))

    def test_busy(self):
        """Without waiting, and after a time; the message says whom it waited for."""
        holder = self.hold()
        for options in ['-n'], ['-w', '0.5']:
            begin = time.monotonic()
            result = self.assert_ends(BUSY, 'run', *options, self.uri, '--', 'false')
            self.assertLess(time.monotonic() - begin, 5)
            self.assertIn(str(holder.pid), result.stderr)
        self.assert_ends(9, 'run', '-n', '-E', '9', self.uri, '--', 'false')
        self.assertEqual(holder.communicate('\n', timeout=LIMIT)[1], '')
        self.assertEqual(holder.returncode, 0)

    def test_queue(self):
        """Commands run one after the other, in the order of their arrival."""
        holder = self.hold()
        order = self.path('order')
        queue = []
        for number in range(4):
            queue.append(self.start([LF_LOCK, 'run', self.uri, '--', 'sh', '-c',
                                     f'echo {number} >>{order}']))
            self.server.wait_for_claims(self.name, number + 2)
        holder.communicate('\n', timeout=LIMIT)
        for process in queue:
            self.assertEqual(process.wait(LIMIT), 0)
        with open(order, encoding='ascii') as file:
            self.assertEqual(file.read().split(), list('0123'))

    def test_lost(self):
        """The command is killed when the lock is lost."""
        holder = self.hold(command='echo $$; exec sleep 1000')
        self.server.etcdctl('del', '--prefix', f'{self.name}/')
        begin = time.monotonic()
        _, errors = holder.communicate(timeout=LIMIT)
        self.assertEqual(holder.returncode, LOST, errors)
        self.assertLess(time.monotonic() - begin, 10)
        self.assertIn(self.uri, errors)
        wait_until(lambda: not os.path.exists(f'/proc/{holder.command_pid}'))

    def test_lost_while_stopped(self):
        """The same if lf-lock was stopped and its lease is over."""
        server = self.cluster()
        self.uri = server.uri('x')
        holder = self.hold(LEASED, command='echo $$; exec sleep 1000')
        os.kill(holder.pid, signal.SIGSTOP)
        wait_until(lambda: not server.claims('x'), LEASE + SLACK)
        os.kill(holder.pid, signal.SIGCONT)
        _, errors = holder.communicate(timeout=LIMIT)
        self.assertEqual(holder.returncode, LOST, errors)

    def test_killed(self):
        """The command does not outlive lf-lock, and the lock is free after the lease."""
        holder = self.hold(LEASED, command='echo $$; exec sleep 1000')
        holder.kill()
        wait_until(lambda: not os.path.exists(f'/proc/{holder.command_pid}')
                   or open(f'/proc/{holder.command_pid}/stat').read().split()[2] == 'Z')
        begin = time.monotonic()
        self.assert_ends(0, 'run', self.uri, '--', 'true')
        self.assertLess(time.monotonic() - begin, LEASE + SLACK)

    def test_terminated(self):
        """A signal ends the command, and the lock is released at once."""
        holder = self.hold(command='echo $$; exec sleep 1000')
        holder.terminate()
        self.assertEqual(holder.wait(LIMIT), -signal.SIGTERM)
        self.assertEqual(self.server.claims(self.name), [])

    def test_no_server(self):
        address = loopback_address()
        result = self.lf_lock('run', f'etcd://{address}:2379/x', '--', 'echo', 'it')
        self.assertNotIn(result.returncode, (0, BUSY, LOST))
        self.assertEqual(result.stdout, '')
        self.assertIn(address, result.stderr)

    def test_wrong_uri(self):
        for uri in 'etcd://', 'etcd://host', 'etcd://host:x/y':
            result = self.lf_lock('run', uri, '--', 'echo', 'it')
            self.assertNotIn(result.returncode, (0, BUSY, LOST))
            self.assertEqual(result.stdout, '')
            self.assertIn('URI', result.stderr)
        for command in 'run', 'status', 'break':
            for scheme in 'etcd', 'ETCD', 'etcd+unix':
                result = self.lf_lock(command, f'{scheme}://user:secret@host/x')
                self.assertNotIn(result.returncode, (0, BUSY, LOST))
                self.assertNotIn('secret', result.stdout + result.stderr)
        # A path that looks like one
        os.mkdir(os.path.join(self.directory, 'etcd:'))
        self.assert_ends(0, 'run', './etcd:/x', '--', 'true')
        self.assertEqual(os.listdir(os.path.join(self.directory, 'etcd:')), ['x'])

    def test_no_module(self):
        """The message names the file and the package."""
        result = self.lf_lock('run', self.uri, '--', 'echo', 'it',
                              env={'LF_MODULES': self.directory})
        self.assertNotIn(result.returncode, (0, BUSY, LOST))
        self.assertEqual(result.stdout, '')
        self.assertIn(self.directory, result.stderr)
        self.assertRegex(result.stderr, 'lockfile-glib-1.0-0?-?etcd|lockfile-glib.*etcd')

    def test_password(self):
        """Users and passwords come from etcdctl's variables, not from the command line."""
        server = self.cluster()
        for words in [['user', 'add', 'root:of-all'], ['user', 'grant-role', 'root', 'root'],
                      ['auth', 'enable']]:
            server.etcdctl(*words)
        self.assert_ends(0, 'run', server.uri('x'), '--', 'true', env={'ETCDCTL_USER': 'root:of-all'})
        result = self.lf_lock('run', server.uri('x'), '--', 'true', env={'ETCDCTL_USER': 'root:no'})
        self.assertNotIn(result.returncode, (0, BUSY, LOST))

    def test_certificates(self):
        server = self.cluster(tls=True)
        paths = server.certificates
        # The leak check of a sanitizer crashes if a thread lives that has used GnuTLS
        env = {'ASAN_OPTIONS': os.environ.get('ASAN_OPTIONS', '') + ':detect_leaks=0'}
        self.assert_ends(0, 'run', server.uri('x'), '--', 'true',
                         env={'ETCDCTL_CACERT': paths.ca, 'ETCDCTL_CERT': paths.client[0],
                              'ETCDCTL_KEY': paths.client[1], **env})
        result = self.lf_lock('run', server.uri('x'), '--', 'true', env=env)
        self.assertNotIn(result.returncode, (0, BUSY, LOST))


class Status(CommandTest):
    def test_free(self):
        result = self.assert_ends(0, 'status', self.uri)
        self.assertEqual(result.stdout, f'{self.uri}: free (excludes all hosts)\n')

    def test_held(self):
        holder = self.hold()
        result = self.assert_ends(1, 'status', self.uri)
        self.assertTrue(result.stdout.startswith(f'{self.uri}: held by PID {holder.pid}'),
                        result.stdout)
        result = self.assert_ends(1, 'status', '--json', self.uri)
        entry, = json.loads(result.stdout)
        person, = entry['holders']
        self.assertEqual(person['pid'], holder.pid)
        self.assertNotIn('waiter', result.stdout)

    def test_held_by_etcdctl(self):
        other = self.start(self.server.etcdctl_command('lock', self.name))
        self.server.wait_for_claims(self.name, 1)
        self.assert_ends(1, 'status', self.uri)
        entry, = json.loads(self.assert_ends(1, 'status', '--json', self.uri).stdout)
        self.assertEqual(len(entry['holders']), 1)
        other.send_signal(signal.SIGINT)


class Break(CommandTest):
    def test_break(self):
        """The holder's command is killed, and the lock is free at once."""
        holder = self.hold(command='echo $$; exec sleep 1000')
        self.assert_ends(0, 'break', self.uri)
        self.assert_ends(0, 'run', '-n', self.uri, '--', 'true')
        holder.communicate(timeout=LIMIT)
        self.assertEqual(holder.returncode, LOST)

    def test_free(self):
        """As with files."""
        self.assertEqual(self.lf_lock('break', self.uri).returncode,
                         self.lf_lock('break', 'none.lock').returncode)


if __name__ == '__main__':
    sys.exit(main())
