-- SPDX-License-Identifier: LGPL-2.1-or-later
-- SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

-- The library from Lua, with lgi and nothing else.

local lgi = require 'lgi'
local Gio, GLib = lgi.Gio, lgi.GLib
local Lf = lgi.require('Lf', '1.0')

local function assert_error(error, domain, code)
  assert(error and error:matches(domain, code), tostring(error))
end

-- Each function gets two objects for one path, and their directory
local tests = {
  { 'acquire', function(lock, other)
    assert(lock:acquire(nil))
    assert(lock:is_held() and lock.held and not other.held)
    local acquired, error = other:try_acquire()
    assert(not acquired)
    assert_error(error, Lf.LockError, 'ALREADY_LOCKED')
    assert(other:query_holder(nil):to_string():match('^PID %d+ %(lua'))
    assert(lock:release())
    assert(other:acquire_with_timeout(0, nil))
  end },

  { 'async', function(lock, other)
    local loop, order = GLib.MainLoop(), {}
    assert(lock:acquire(nil))
    other:acquire_async(GLib.PRIORITY_DEFAULT, nil, function(object, result)
      assert(object == other)
      order[#order + 1] = assert(other:acquire_finish(result)) and 'acquired'
      if #order == 2 then loop:quit() end
    end)
    assert(not other.held)
    lock:release_async(GLib.PRIORITY_DEFAULT, nil, function(_, result)
      order[#order + 1] = assert(lock:release_finish(result)) and 'released'
      if #order == 2 then loop:quit() end
    end)
    loop:run()
    assert(other.held and not lock.held)
    assert(other:release())
  end },

  { 'cancel', function(lock, other)
    local loop, cancellable = GLib.MainLoop(), Gio.Cancellable()
    assert(lock:acquire(nil))
    other:acquire_async(GLib.PRIORITY_DEFAULT, cancellable, function(_, result)
      local acquired, error = other:acquire_finish(result)
      assert(not acquired)
      assert_error(error, Gio.IOErrorEnum, 'CANCELLED')
      loop:quit()
    end)
    cancellable:cancel()
    loop:run()
    assert(lock.held and not other.held)
  end },

  { 'release', function(lock)
    local released, error = lock:release()
    assert(not released)
    assert_error(error, Lf.UnlockError, 'NOT_LOCKED')
  end },

  { 'document', function(_, _, directory)
    local lock = assert(Lf.LockFile.new_for_document(
      Gio.File.new_for_path(directory .. '/notes.txt')))
    assert(lock:get_path() == directory .. '/.notes.txt.lock')
    assert(lock.document:get_path() == directory .. '/notes.txt')
    local nothing, error = Lf.LockFile.new_for_document(
      Gio.File.new_for_path(directory .. '/none/notes.txt'))
    assert(not nothing)
    assert_error(error, Gio.IOErrorEnum, 'NOT_FOUND')
  end },
}

local failed = false
print('1..' .. #tests)
for number, case in ipairs(tests) do
  local directory = GLib.dir_make_tmp('lockfile-glib-XXXXXX')
  local path = directory .. '/test.lock'
  local passed, message = pcall(case[2], Lf.LockFile.new(path), Lf.LockFile.new(path), directory)

  os.remove(path)
  os.remove(directory)
  print((passed and 'ok ' or 'not ok ') .. number .. ' /lua/' .. case[1])
  if not passed then
    failed = true
    print('# ' .. tostring(message):gsub('\n', '\n# '))
  end
end
os.exit(not failed)
