# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

# The library from Ruby, with gobject-introspection and nothing else.

require 'gobject-introspection'
require 'tmpdir'

module Gio; end
module Lf; end
GObjectIntrospection::Loader.new(Gio).load('Gio')
GObjectIntrospection::Loader.new(Lf).load('Lf')

PRIORITY = GLib::PRIORITY_DEFAULT

def assert(condition)
  raise 'failed' unless condition
end

def assert_error(error_class)
  yield
rescue error_class
  nil
else
  raise "no #{error_class}"
end

# Each function gets two objects for one path, and their directory
TESTS = {
  'acquire' => lambda do |lock, other, _directory|
    assert lock.acquire(nil)
    assert lock.held? && !other.held?
    assert_error(Lf::LockError::AlreadyLocked) { other.try_acquire }
    assert other.query_holder(nil).to_s.start_with?("PID #{Process.pid} (ruby")
    assert lock.release
    assert other.acquire_with_timeout(0, nil)
  end,

  'async' => lambda do |lock, other, _directory|
    main_loop = GLib::MainLoop.new
    order = []

    lock.acquire(nil)
    other.acquire_async(PRIORITY, nil) do |object, result|
      order << :acquired if object == other && other.acquire_finish(result)
      main_loop.quit if order.size == 2
    end
    assert !other.held?
    lock.release_async(PRIORITY, nil) do |_object, result|
      order << :released if lock.release_finish(result)
      main_loop.quit if order.size == 2
    end
    main_loop.run
    assert other.held? && !lock.held?
    assert other.release
  end,

  'cancel' => lambda do |lock, other, _directory|
    main_loop = GLib::MainLoop.new
    cancellable = Gio::Cancellable.new
    error = nil

    lock.acquire(nil)
    other.acquire_async(PRIORITY, cancellable) do |_object, result|
      other.acquire_finish(result)
    rescue StandardError => e
      error = e
    ensure
      main_loop.quit
    end
    cancellable.cancel
    main_loop.run
    assert error.is_a?(Gio::IOErrorEnum::Cancelled)
    assert lock.held? && !other.held?
  end,

  'release' => lambda do |lock, _other, _directory|
    assert_error(Lf::UnlockError::NotLocked) { lock.release }
  end,

  'document' => lambda do |_lock, _other, directory|
    lock = Lf::LockFile.new(Gio::File.new_for_path("#{directory}/notes.txt"))
    assert lock.path == "#{directory}/.notes.txt.lock"
  end
}.freeze

failed = false
puts "1..#{TESTS.size}"
TESTS.each.with_index(1) do |(name, test), number|
  Dir.mktmpdir('lockfile-glib-') do |directory|
    path = "#{directory}/test.lock"
    test.call(Lf::LockFile.new(path), Lf::LockFile.new(path), directory)
    puts "ok #{number} /ruby/#{name}"
  rescue StandardError => e
    failed = true
    puts "not ok #{number} /ruby/#{name}", "# #{e.class}: #{e.message}", "# #{e.backtrace.first(3)}"
  end
end

# With ruby-gobject-introspection 4.2 on Ruby 3.3, a program that has loaded Gio may free
# memory twice when it ends. This ends it without finalizers.
$stdout.flush
exit! !failed
