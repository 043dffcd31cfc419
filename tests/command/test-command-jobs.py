#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

"""The manual's cron jobs and systemd units, with a real crond and a real systemd.

Each of them has namespaces of its own, in which it finds nothing else to do. That needs
the superuser."""

import email
import os
import pathlib
import re
import subprocess
import sys
import unittest

from command_testing import LF_LOCK, CommandTest, has_waiter, main, wait_until

MANUAL = pathlib.Path(os.environ['LF_SOURCE_ROOT'], 'introspection/reference')
UNSHARE = ['unshare', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc', '--uts']

# Everything else that crond would find is hidden. This sendmail keeps the mail.
CROND = '''
mount -t tmpfs tmpfs /run
mkdir sbin crontabs cron.d
cp /usr/sbin/cron /usr/sbin/unix_chkpwd sbin
printf '#!/bin/sh\\nexec cat >%s/mail.$$\\n' "$PWD" >sbin/sendmail
chmod 755 sbin/sendmail
cp crontab crontabs/root
chmod 600 crontabs/root
: >empty
mount --bind crontabs /var/spool/cron/crontabs
mount --bind cron.d /etc/cron.d
[ ! -e /etc/crontab ] || mount --bind empty /etc/crontab
mount --bind sbin /usr/sbin
exec /usr/sbin/cron -f
'''

# These are not mounted everywhere
MOUNT_GROUPS = '''
mountpoint -q /sys || mount -t sysfs sysfs /sys
umount -R /sys/fs/cgroup 2>/dev/null || true
mount -t cgroup2 cgroup2 /sys/fs/cgroup
'''

# Only the test's units can be started, and the kernel's settings do not change
SYSTEMD = MOUNT_GROUPS + '''
mount -t tmpfs tmpfs /run
mkdir "/sys/fs/cgroup/${PWD##*/}"
echo $$ >"/sys/fs/cgroup/${PWD##*/}/cgroup.procs"
mount --bind /proc/sys /proc/sys
mount -o remount,bind,ro /proc/sys
mount --bind bin /usr/local/bin
export container=lockfile-glib SYSTEMD_UNIT_PATH="$PWD/units"
export SYSTEMD_GENERATOR_PATH="$PWD/none" SYSTEMD_ENVIRONMENT_GENERATOR_PATH="$PWD/none"
exec unshare --cgroup sh -euc '
  umount /sys/fs/cgroup
  mount -t cgroup2 cgroup2 /sys/fs/cgroup
  exec /lib/systemd/systemd --system --unit=test.target --log-target=null'
'''

# The control groups of its units remain when it is killed
REMOVE_GROUPS = MOUNT_GROUPS + '''
exec find "/sys/fs/cgroup/${PWD##*/}" -depth -type d -exec rmdir {} +
'''

DRIVER = '''
[Unit]
DefaultDependencies=no

[Service]
Type=oneshot
ExecStart=/bin/sh -x {0}/driver
StandardOutput=file:{0}/output
StandardError=file:{0}/trace
ExecStopPost=/bin/touch {0}/done
'''

NOTIFIES = '''#!/usr/bin/python3
import os, signal, socket
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
    notify.sendto(b'READY=1', os.environ['NOTIFY_SOCKET'].replace('@', '\\0'))
signal.pause()
'''


def blocks_of(page, language):
    text = (MANUAL / page).read_text(encoding='utf-8')
    return re.findall(rf'(?ms)^```{language}\n(.*?)^```$', text)


def can(script):
    return subprocess.run([*UNSHARE, 'sh', '-euc', script], check=False,
                          stderr=subprocess.DEVNULL).returncode == 0


class JobsTest(CommandTest):
    def setUp(self):
        super().setUp()
        os.chmod('.', 0o755)
        os.mkdir('bin')
        self.program('lf-lock', f'#!/bin/sh\nLD_LIBRARY_PATH={os.environ["LD_LIBRARY_PATH"]} '
                                f'exec {LF_LOCK} "$@"\n')

    def program(self, name, text):
        path = pathlib.Path('bin', name)
        path.write_text(text, encoding='ascii')
        path.chmod(0o755)

    def says_that_it_ran(self, name, first='', then=''):
        self.program(name, f'#!/bin/sh\n{first}echo "{name} $*" >>{self.directory}/ran\n{then}')

    def lines_of(self, name):
        path = pathlib.Path(name)
        return path.read_text(encoding='ascii').splitlines() if path.exists() else []


@unittest.skipUnless(can('mount -t tmpfs tmpfs /run'), 'Only the superuser can mount what it needs')
class Cron(JobsTest):
    def setUp(self):
        super().setUp()
        self.says_that_it_ran('backup')
        self.program('logger', f'#!/bin/sh\ncat >>{self.directory}/log\n')
        # Without the time, and the user in /etc/cron.d
        self.jobs = [re.sub(r'^(\S+ +){5}(root +)?', '', line)
                     for block in blocks_of('lf-lock-cron.md', 'crontab')
                     for line in block.splitlines() if not line.startswith('#')]
        self.assertEqual(len(self.jobs), 4)

    def job(self, words):
        """The only job with these words."""
        job, = (job for job in self.jobs if words in job)
        return job

    def start_crond(self, *jobs):
        """A crond that runs the jobs at once."""
        for name in ['sbin', 'crontabs', 'cron.d']:
            subprocess.run(['rm', '-rf', name], check=True)
        lines = [f'HOME={self.directory}', f'PATH={self.directory}/bin:/usr/bin:/bin']
        lines += [f'@reboot {job}; echo $? >>statuses' for job in jobs]
        pathlib.Path('crontab').write_text('\n'.join(lines) + '\n', encoding='ascii')
        return self.start(*UNSHARE, 'sh', '-euc', CROND)

    def finish_jobs(self, crond, count):
        """Returns the exit statuses, after all mail has been sent."""
        def children(pid):
            path = pathlib.Path(f'/proc/{pid}/task/{pid}/children')
            return path.read_text(encoding='ascii').split()

        def have_ended():
            self.assertIsNone(crond.poll())
            return len(self.lines_of('statuses')) == count and not children(children(crond.pid)[0])

        wait_until(have_ended)
        self.end(crond)
        return sorted(int(line) for line in self.lines_of('statuses'))

    def mails(self):
        """The mails' texts, in whatever way they are encoded."""
        paths = pathlib.Path('.').glob('mail.*')
        return [email.message_from_bytes(path.read_bytes()).get_payload(decode=True).decode()
                for path in paths]

    def test_free(self):
        statuses = self.finish_jobs(self.start_crond(*self.jobs), 4)
        self.assertEqual(set(statuses) - {0, 75}, set())
        self.assertIn('backup --full /home', self.lines_of('ran'))
        self.assertIn('backup /srv', self.lines_of('ran'))
        self.assertEqual(self.mails(), [])

    def test_held(self):
        """With -q there is no mail; without it, the mail and the log name the holder."""
        job = self.job('run -qn .backup.lock')
        holder = self.hold('.backup.lock')
        crond = self.start_crond(job, self.job('logger'), job.replace('-qn', '-n'))
        self.assertEqual(self.finish_jobs(crond, 3), [0, 75, 75])
        self.assertEqual(self.lines_of('ran'), [])
        mail, = self.mails()
        message = '.backup.lock is locked already: held by '
        self.assertIn(message, mail)
        self.assertIn(message, '\n'.join(self.lines_of('log')))
        self.finish(holder)

    def test_waits(self):
        holder = self.hold('.backup.lock')
        crond = self.start_crond(self.job('-w 7200'))
        wait_until(lambda: has_waiter('.backup.lock'))
        self.finish(holder)
        self.assertEqual(self.finish_jobs(crond, 1), [0])
        self.assertEqual(self.lines_of('ran'), ['backup --full /home'])
        self.assertEqual(self.mails(), [])


@unittest.skipUnless(can(MOUNT_GROUPS), 'Only the superuser can mount what it needs')
class Systemd(JobsTest):
    def setUp(self):
        super().setUp()
        os.mkdir('units')
        for block in blocks_of('lf-lock-systemd.md', 'ini'):
            name = re.match(r'# /etc/systemd/system/(\S+)\n', block)[1]
            self.unit(name, block.replace('/usr/bin/lf-lock', '/usr/local/bin/lf-lock'))
        # Units depend on these by default
        for name in ['sysinit', 'basic', 'shutdown', 'timers']:
            self.unit(f'{name}.target', '[Unit]\nDefaultDependencies=no\n')
        self.unit('test.target', '[Unit]\nDefaultDependencies=no\nWants=driver.service\n')
        self.unit('driver.service', DRIVER.format(self.directory))

    def unit(self, name, text):
        pathlib.Path('units', name).write_text(text, encoding='ascii')

    def drive(self, script):
        """Runs the script below a systemd of its own, and returns its output."""
        pathlib.Path('driver').write_text(f'cd {self.directory}\n{script}', encoding='ascii')
        systemd = self.start(*UNSHARE, 'sh', '-euc', SYSTEMD)
        wait_until(lambda: os.path.exists('done') or systemd.poll() is not None)
        self.assertIsNone(systemd.poll())
        self.end(systemd)
        # Until the last process in them has ended
        wait_until(lambda: subprocess.run(['unshare', '--mount', 'sh', '-euc', REMOVE_GROUPS],
                                          check=False, stderr=subprocess.DEVNULL).returncode == 0)
        return '\n'.join(self.lines_of('output'))

    def test_held(self):
        """A held lock is not a failure, and its file stays when the service ends."""
        self.says_that_it_ran('backup')
        path = pathlib.Path('units/backup.service')
        self.unit('strict.service', path.read_text('ascii').replace('SuccessExitStatus=75\n', ''))
        output = self.drive('''
            mkdir /run/backup
            /usr/local/bin/lf-lock run /run/backup/lock -- sh -c '
              systemctl start backup.service; echo $?
              systemctl start strict.service; echo $?
              /usr/local/bin/lf-lock run -n /run/backup/lock true; echo $?'
            ls ran /run/backup
            systemctl start backup.service; echo $?
            cat ran''')
        self.assertEqual(output.split('\n'), ['0', '1', '75', '/run/backup:', 'lock', '0',
                                              'backup /home'])

    def test_without_preserving(self):
        """Without that option, the file of somebody else's lock is removed, as the page
        says."""
        self.says_that_it_ran('backup')
        path = pathlib.Path('units/backup.service')
        path.write_text(path.read_text('ascii').replace('RuntimeDirectoryPreserve=yes\n', ''), 'ascii')
        output = self.drive('''
            mkdir /run/backup
            /usr/local/bin/lf-lock run /run/backup/lock -- sh -c '
              systemctl start backup.service
              while [ -e /run/backup/lock ]; do sleep 0.05; done'
            echo $?''')
        self.assertEqual(output, '76')

    def test_stopped(self):
        """The command gets the signal once, and the lock is released when the command has
        ended."""
        self.says_that_it_ran(
            'backup', f'cd {self.directory}\ntrap "echo TERM >>ran" TERM\n',
            'until grep -q TERM ran; do sleep 0.05; done\nsleep 0.3\n')
        output = self.drive('''
            systemctl start --no-block backup.service
            until [ -e ran ]; do sleep 0.05; done
            systemctl stop backup.service
            cat ran
            /usr/local/bin/lf-lock status /run/backup/lock''')
        self.assertEqual(output.splitlines(), ['backup /home', 'TERM', '/run/backup/lock: free'])

    def test_timer(self):
        output = self.drive('''
            systemctl start backup.timer
            systemctl show -p ActiveState -p Unit -p SubState backup.timer''')
        self.assertEqual(sorted(output.split()),
                         ['ActiveState=active', 'SubState=waiting', 'Unit=backup.service'])

    def test_instances(self):
        """One at a time; the first one that ends leaves the lock to the others."""
        self.says_that_it_ran('upload', f'cd {self.directory}\n',
                              'mkdir busy || echo together >>ran\nsleep 0.2\nrmdir busy\n')
        output = self.drive('systemctl start upload@photos upload@music upload@texts; echo $?; cat ran')
        self.assertEqual(sorted(output.splitlines()),
                         ['0', 'upload music', 'upload photos', 'upload texts'])

    def test_notifies(self):
        """With -F, the process that systemd knows is the service, and has the lock."""
        self.program('indexer', NOTIFIES)
        output = self.drive('''
            systemctl start indexer.service; echo $?
            systemctl show -P MainPID indexer.service
            /usr/local/bin/lf-lock status /run/indexer/lock
            systemctl stop indexer.service
            /usr/local/bin/lf-lock status /run/indexer/lock''')
        status, pid, held, free = output.splitlines()
        self.assertEqual(status, '0')
        self.assertRegex(held, rf'held by PID {pid} \(/usr/bin/python3 /usr/local/bin/indexer\)')
        self.assertEqual(free, '/run/indexer/lock: free')


# Some machines have no cgroups at all. There, only `systemd-analyze verify` tests the
# manual's code
if os.geteuid() == 0 and not can(MOUNT_GROUPS):
    print('systemd cannot run here: there are no cgroups to mount', file=sys.stderr)
    del Systemd


if __name__ == '__main__':
    sys.exit(main())
