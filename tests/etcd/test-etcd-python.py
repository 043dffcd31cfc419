#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

"""What the override for Python adds to locks in etcd."""

import asyncio
import inspect
import os
import pathlib
import sys
import traceback

import gi
gi.require_version('Lf', '1.0')
from gi.repository import GLib, Lf  # noqa: E402

from etcd_testing import EtcdTest, main, shared_cluster, tests  # noqa: E402

sys.path.append(os.path.join(tests, 'bindings'))
from lf_testing import wait_until_others_sleep  # noqa: E402


class Python(EtcdTest):
    def setUp(self):
        super().setUp()
        self.server = shared_cluster()
        self.uri = self.server.uri(self.name)

    def test_constructor(self):
        lock = Lf.RemoteLock(self.uri, timeout=None, lease_duration=7, user='job',
                             password='secret', endpoints='one:1,two:2',
                             ca_file=pathlib.Path('/ca'), key_file=b'/\xff')
        self.assertEqual((lock.uri, lock.timeout, lock.lease_duration, lock.user, lock.endpoints),
                         (self.uri, -1, 7, 'job', 'one:1,two:2'))
        self.assertEqual((lock.ca_file, lock.certificate_file, os.fsencode(lock.key_file)),
                         ('/ca', None, b'/\xff'))
        self.assertEqual(Lf.RemoteLock(uri=self.uri).lease_duration, 15)
        self.assertIn('uri=None', str(inspect.signature(Lf.RemoteLock)))
        for uri in 'x', 'etcd://host', '':
            for make in Lf.RemoteLock, Lf.RemoteLock.new:
                with self.assertRaisesRegex(GLib.Error, 'URI'):
                    make(uri)
        for make in (Lf.RemoteLock, lambda: Lf.RemoteLock(3),
                     lambda: Lf.RemoteLock(self.uri, usr=1),
                     lambda: type('Mine', (Lf.RemoteLock,), {})):
            with self.assertRaises(TypeError):
                make()
        for seconds in 0, 1, 86401:
            with self.assertRaises(ValueError):
                Lf.RemoteLock(self.uri, lease_duration=seconds)
            with self.assertRaises(ValueError):
                lock.lease_duration = seconds

    def test_attributes(self):
        lock = Lf.RemoteLock(self.uri)
        for name, value in {'timeout': 2.5, 'lease_duration': 3, 'endpoints': 'a:1', 'user': 'job',
                            'ca_file': '/x', 'certificate_file': '/y', 'key_file': '/z'}.items():
            setattr(lock, name, value)
            self.assertEqual(getattr(lock, name), value)
        for name in 'endpoints', 'user', 'ca_file', 'certificate_file', 'key_file':
            setattr(lock, name, None)
            self.assertIsNone(getattr(lock, name))
        for name in 'uri', 'fencing_token', 'remaining', 'held':
            with self.assertRaises(AttributeError):
                setattr(lock, name, 1)
        # It is nowhere to be seen
        lock.password = 'secret'
        with self.assertRaises(AttributeError):
            lock.password
        self.assertEqual(repr(lock), f"<Lf.RemoteLock '{self.uri}' not held>")

    def test_blocks(self):
        lock, other = Lf.RemoteLock(self.uri), Lf.RemoteLock(self.uri, timeout=0)
        tokens = []
        for begin in (lambda: lock, lambda: lock.acquired(timeout=9),
                      lambda: lock.acquire(timeout=9)):
            with begin() as same:
                self.assertIs(same, lock)
                self.assertEqual(repr(lock), f"<Lf.RemoteLock '{self.uri}' held>")
                self.assertTrue(lock.held and 0 < lock.remaining <= 15)
                tokens.append(lock.fencing_token)
                with self.assertRaisesRegex(Lf.AlreadyLocked, f'PID {os.getpid()}'), other:
                    self.fail('two hold it')
                with self.assertRaises(Lf.LockTimeout):
                    other.acquire(timeout=0.01)
            self.assertFalse(lock.held)
        self.assertEqual(tokens, sorted(set(tokens)))
        self.assertEqual((lock.fencing_token, lock.remaining), (0, 0))
        with self.assertRaises(Lf.NotLocked):
            lock.release()
        self.assertFalse(self.server.claims(self.name))

    def test_async(self):
        async def claim(order):
            async with Lf.RemoteLock(self.uri).acquired(timeout=None) as lock:
                order.append(lock.fencing_token)
                await asyncio.sleep(0.01)
                self.assertTrue(await lock.is_locked_async())
                self.assertEqual((await lock.query_holder_async()).get_pid(), os.getpid())

        async def claims():
            order = []
            await asyncio.gather(*(claim(order) for _ in range(3)))
            return order

        order = asyncio.run(claims())
        self.assertEqual(order, sorted(set(order)))
        self.assertEqual(len(order), 3)

    def test_locked(self):
        @Lf.locked(lambda: Lf.RemoteLock(self.uri))
        def work():
            return len(self.server.claims(self.name))

        self.assertEqual(work(), 1)

    def test_lost(self):
        """It is reported in the event loop that acquired the lock."""
        async def work():
            lock, lost = Lf.RemoteLock(self.uri), asyncio.Event()
            async with lock:
                self.assertTrue(lock.held)
            lock.connect('lost', lambda lock, reason: lost.set())
            await lock.acquire_async()
            Lf.RemoteLock(self.uri).break_lock()
            await asyncio.wait_for(lost.wait(), 20)
            self.assertFalse(lock.held)

        asyncio.run(work())

    def test_forked(self):
        """A forked child has none of its parent's locks, can use locks of its own, and leaves
        those of the parent alone."""
        lock = Lf.RemoteLock(self.uri)
        lock.acquire()
        token = lock.fencing_token
        wait_until_others_sleep()
        child = os.fork()
        if child == 0:
            status = 1
            try:
                self.assertEqual((lock.held, lock.fencing_token, lock.remaining), (False, 0, 0))
                for call in lock.release, lock.verify:
                    with self.assertRaises(Lf.NotMyLock):
                        call()
                with self.assertRaises(Lf.AlreadyLocked):
                    lock.try_acquire()
                with Lf.RemoteLock(self.uri + '-child', timeout=20) as own:
                    self.assertTrue(own.verify())
                del lock
                status = 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(status)
        self.assertEqual(os.waitpid(child, 0)[1], 0)
        self.assertTrue(lock.verify())
        self.assertEqual(lock.fencing_token, token)
        lock.release()
        self.assertFalse(self.server.claims(self.name))


if __name__ == '__main__':
    # An object of the library may be used in one case at a time only by chance
    sys.exit(main(at_once=1, prefix='/etcd-python'))
