# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers
#
# Completion of lf-lock for fish. The arguments of the command of `lf-lock run` are
# completed as if the command was called directly.

# The words so far of the command of "lf-lock run", one per line. Fails if the path is
# missing so far.
function __lf_lock_command_words
    set -l words (commandline -opc)
    set -e words[1]
    test "$words[1]" = run; or return 1
    set -e words[1]

    while set -q words[1]
        switch $words[1]
            case --
                set -e words[1]
                break
            case --backend --timeout --wait --conflict-exit-code --slots --on-lost
                set -e words[1]
            case '--*'
            case '-*'
                # In a group of letters, the value of the last one that takes a value is the
                # next word
                string match -qr -- '^-[^bEw]*[bEw]$' $words[1]; and set -e words[1]
            case '*'
                break
        end
        set -e words[1]
    end

    set -q words[1]; or return 1
    set -e words[1]
    test "$words[1]" = --; and set -e words[1]
    set -q words[1]; and printf '%s\n' $words
    return 0
end

function __lf_lock_complete_command
    set -l words (__lf_lock_command_words)
    set -l current (commandline -ct)

    if contains -- "$words[1]" -c --command
        return
    end
    if not set -q words[1]; and string match -q -- '-*' $current
        printf '%s\n' -- -c --command
        return
    end
    complete -C (string join ' ' -- (string escape -- $words) $current)
end

function __lf_lock_seen
    set -l words (commandline -opc)
    test (count $words) -ge 2; and contains -- $words[2] $argv
    and not __lf_lock_command_words >/dev/null
end

function __lf_lock_needs_subcommand
    test (count (commandline -opc)) -eq 1
end

complete -c lf-lock -f
complete -c lf-lock -n __lf_lock_needs_subcommand -a run -d 'Run a command while holding a lock'
complete -c lf-lock -n __lf_lock_needs_subcommand -a status -d 'Tell whether locks are held, and by whom'
complete -c lf-lock -n __lf_lock_needs_subcommand -a break -d 'Remove the lock of a holder'
complete -c lf-lock -n __lf_lock_needs_subcommand -l version -d 'Print the version'
complete -c lf-lock -n __lf_lock_needs_subcommand -s h -l help -d 'Print the help'

complete -c lf-lock -n '__lf_lock_seen run status break' -F
complete -c lf-lock -n '__lf_lock_seen run status break' -s h -l help -d 'Print the help'
complete -c lf-lock -n '__lf_lock_seen run status break' -s b -l backend -x \
    -a 'auto flock fcntl hard-link directory symlink pid-file sqlite' -d 'Use this backend'
complete -c lf-lock -n '__lf_lock_seen status break' -s j -l json -d 'Print JSON'
complete -c lf-lock -n '__lf_lock_seen status' -l slots -x -d 'Show this many slots of each path'

complete -c lf-lock -n '__lf_lock_seen run' -s x -l exclusive -d 'Get an exclusive lock'
complete -c lf-lock -n '__lf_lock_seen run' -s s -l shared -d 'Get a shared lock'
complete -c lf-lock -n '__lf_lock_seen run' -s u -l unlock -d 'Release the lock of a descriptor'
complete -c lf-lock -n '__lf_lock_seen run' -s n -l nonblock -d 'Do not wait'
complete -c lf-lock -n '__lf_lock_seen run' -s w -l timeout -x -d 'Wait this many seconds'
complete -c lf-lock -n '__lf_lock_seen run' -s E -l conflict-exit-code -x \
    -d 'Exit status if somebody else holds the lock'
complete -c lf-lock -n '__lf_lock_seen run' -s q -l quiet \
    -d 'Print no message if somebody else holds the lock'
complete -c lf-lock -n '__lf_lock_seen run' -l verbose -d 'Print how long it took to get the lock'
complete -c lf-lock -n '__lf_lock_seen run' -s r -l remove -d 'Remove the lock file at the end'
complete -c lf-lock -n '__lf_lock_seen run' -l on-lost -x -a 'ignore kill warn' \
    -d 'What to do if the lock is lost'
complete -c lf-lock -n '__lf_lock_seen run' -s o -l close -d 'Do not pass the lock to the command'
complete -c lf-lock -n '__lf_lock_seen run' -s F -l no-fork -d 'Become the command'
complete -c lf-lock -n '__lf_lock_seen run' -l inherit -d 'Let the command inherit the lock'
complete -c lf-lock -n '__lf_lock_seen run' -l slots -x -d 'Let this many hold the lock at once'

complete -c lf-lock -n '__lf_lock_command_words >/dev/null' -x -a '(__lf_lock_complete_command)'
