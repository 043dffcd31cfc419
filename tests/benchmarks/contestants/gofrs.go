// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

// gofrs/flock: gofrs lock|context PATH
//
// The commands are those of contestant.c. It waits in the kernel with Lock(), and polls
// with TryLockContext().
package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"github.com/gofrs/flock"
)

// The value in its documentation
const retryDelay = 678 * time.Millisecond

// The clock of package time is the same, but returns only differences
var (
	baseTime  = time.Now()
	baseStamp = readClock()
)

func readClock() int64 {
	var timespec syscall.Timespec
	const clockMonotonic = 1
	_, _, errno := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, clockMonotonic,
		uintptr(unsafe.Pointer(&timespec)), 0)
	if errno != 0 {
		panic(errno)
	}
	return timespec.Nano()
}

func now() int64 {
	return baseStamp + int64(time.Since(baseTime))
}

func acquire(lock *flock.Flock, manner string) {
	var err error
	if manner == "context" {
		_, err = lock.TryLockContext(context.Background(), retryDelay)
	} else {
		err = lock.Lock()
	}
	if err != nil {
		panic(err)
	}
}

func release(lock *flock.Flock) {
	if err := lock.Unlock(); err != nil {
		panic(err)
	}
}

func cycle(lock *flock.Flock, manner string, count int) []int64 {
	times := make([]int64, count)
	for i := 0; i < count/10+1; i++ {
		acquire(lock, manner)
		release(lock)
	}

	before := now()
	for i := range times {
		acquire(lock, manner)
		release(lock)
		after := now()
		times[i] = after - before
		before = after
	}
	return times
}

func obey(lock *flock.Flock, manner string, words []string) []int64 {
	switch words[0] {
	case "acquire":
		acquire(lock, manner)
		return []int64{now()}
	case "release":
		before := now()
		release(lock)
		return []int64{before}
	case "cycle":
		count, err := strconv.Atoi(words[1])
		if err != nil {
			panic(err)
		}
		return cycle(lock, manner, count)
	}
	panic("No such command: " + words[0])
}

func main() {
	lock := flock.New(os.Args[2])
	input := bufio.NewScanner(os.Stdin)
	for input.Scan() {
		numbers := obey(lock, os.Args[1], strings.Fields(input.Text()))
		fmt.Println(strings.Trim(fmt.Sprint(numbers), "[]"))
	}
}
