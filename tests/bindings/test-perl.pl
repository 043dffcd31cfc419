#!/usr/bin/perl
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

# The library from Perl, with Glib::Object::Introspection and nothing else.

use strict;
use warnings;

use File::Temp;
use Glib::Object::Introspection;

Glib::Object::Introspection->setup(basename => 'Gio', version => '2.0', package => 'Glib::IO');
Glib::Object::Introspection->setup(basename => 'Lf', version => '1.0', package => 'Lf');

use constant PRIORITY => Glib::G_PRIORITY_DEFAULT;

sub assert {
    my ($condition) = @_;

    die 'failed in line ', (caller)[2], "\n" unless $condition;
    return;
}

# The code with which the call dies, of that error class
sub error_of {
    my ($class, $call) = @_;

    eval { $call->(); 1 } and return 'none';
    return ref $@ && $@->isa($class) ? $@->value : "$@";
}

# Each function gets two objects for one path, and their directory
my @tests = (
    acquire => sub {
        my ($lock, $other) = @_;

        assert($lock->acquire(undef));
        assert($lock->is_held && $lock->get('held') && !$other->get('held'));
        assert(error_of('Lf::LockError', sub { $other->try_acquire }) eq 'already-locked');
        assert($other->query_holder(undef)->to_string =~ /^PID $$ \(perl/);
        assert($lock->release);
        assert($other->acquire_with_timeout(0, undef));
    },

    async => sub {
        my ($lock, $other) = @_;
        my $loop = Glib::MainLoop->new;
        my @order;

        $lock->acquire(undef);
        $other->acquire_async(PRIORITY, undef, sub {
            my ($object, $result) = @_;
            push @order, 'acquired' if $object == $other && $other->acquire_finish($result);
            $loop->quit if @order == 2;
        });
        assert(!$other->get('held'));
        $lock->release_async(PRIORITY, undef, sub {
            my ($object, $result) = @_;
            push @order, 'released' if $lock->release_finish($result);
            $loop->quit if @order == 2;
        });
        $loop->run;
        assert($other->get('held') && !$lock->get('held'));
        assert($other->release);
    },

    cancel => sub {
        my ($lock, $other) = @_;
        my $loop = Glib::MainLoop->new;
        my $cancellable = Glib::IO::Cancellable->new;
        my $error;

        $lock->acquire(undef);
        $other->acquire_async(PRIORITY, $cancellable, sub {
            my ($object, $result) = @_;
            $error = error_of('Glib::Error', sub { $other->acquire_finish($result) });
            $loop->quit;
        });
        $cancellable->cancel;
        $loop->run;
        assert($error eq 'cancelled');
        assert($lock->get('held') && !$other->get('held'));
    },

    release => sub {
        my ($lock) = @_;

        assert(error_of('Lf::UnlockError', sub { $lock->release }) eq 'not-locked');
    },

    document => sub {
        my ($lock, $other, $directory) = @_;
        my $file = Glib::IO::File::new_for_path("$directory/notes.txt");
        my $missing = Glib::IO::File::new_for_path("$directory/none/notes.txt");

        $lock = Lf::LockFile->new_for_document($file);
        assert($lock->get_path eq "$directory/.notes.txt.lock");
        assert($lock->get_document->get_path eq "$directory/notes.txt");
        assert(error_of('Glib::Error', sub { Lf::LockFile->new_for_document($missing) })
            eq 'not-found');
    },
);

my ($number, $failed) = (0, 0);
print '1..', @tests / 2, "\n";
while (my ($name, $test) = splice @tests, 0, 2) {
    my $directory = File::Temp->newdir;
    my @locks = map { Lf::LockFile->new("$directory/test.lock") } 1, 2;
    my $passed = eval { $test->(@locks, $directory); 1 };

    $number++;
    print $passed ? 'ok' : 'not ok', " $number /perl/$name\n";
    next if $passed;
    $failed = 1;
    print "# $@";
}
exit $failed;
