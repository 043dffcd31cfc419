# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

"""A window that edits a text document, which no other program can edit at the same time.
While another program edits it, a banner says where, and the window waits: it becomes
editable as soon as the other program closes the document. Ctrl+S saves, and so does
closing the window. If saving fails, the changes can be discarded.

    python3 document-window.py [--verbose] FILE     --verbose prints what happens
"""

import os
import sys

import gi
gi.require_version('Gtk', '4.0')
gi.require_version('Lf', '1.0')
from gi.repository import Gio, GLib, Gtk, Lf, Pango  # noqa: E402


class DocumentWindow(Gtk.ApplicationWindow):
    def __init__(self, application, file):
        super().__init__(application=application, default_width=480, default_height=280)
        self.waiting = None
        self.given_up = False
        self.saving = False
        self.closing = False

        failure = None
        try:
            self.lock = Lf.LockFile.new_for_document(file)
            # The real document, so that symbolic links to it stay
            self.file = self.lock.get_document()
            self.lock.set_notice_delay(0)
            self.lock.connect('waiting', self.on_waiting)
        except GLib.Error as error:
            self.lock = None
            self.file = file
            failure = error

        self.save_action = Gio.SimpleAction(name='save')
        self.save_action.connect('activate', lambda action, parameter: self.save_once())
        self.add_action(self.save_action)
        self.connect('close-request', DocumentWindow.on_close_request)
        self.connect('notify::is-active', DocumentWindow.on_is_active)

        self.build()
        self.set_editable(False)
        if failure:
            self.give_up(failure.message)
        else:
            self.acquire(0)

    def build(self):
        name = GLib.filename_display_name(self.file.get_basename())
        self.set_title(name)

        # The title and, while the document is read-only, a subtitle, as in GNOME's
        # guidelines
        titles = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, valign=Gtk.Align.CENTER)
        titles.append(Gtk.Label(label=name, ellipsize=Pango.EllipsizeMode.END,
                                css_classes=['title']))
        self.subtitle = Gtk.Label(label='Read-Only', css_classes=['subtitle'])
        titles.append(self.subtitle)

        header = Gtk.HeaderBar(title_widget=titles)
        header.pack_start(Gtk.Button(label='_Save', use_underline=True, action_name='win.save'))
        self.set_titlebar(header)

        self.message = Gtk.Label(wrap=True, xalign=0, hexpand=True)
        self.spinner = Gtk.Spinner(visible=False)
        self.button = Gtk.Button(label='_Edit', use_underline=True, valign=Gtk.Align.CENTER)
        self.button.connect('clicked', lambda button: self.on_button_clicked())

        banner_box = Gtk.Box(spacing=12, margin_start=12, margin_end=6,
                             margin_top=6, margin_bottom=6)
        banner_box.append(self.spinner)
        banner_box.append(self.message)
        banner_box.append(self.button)
        self.banner = Gtk.Revealer(child=banner_box)

        self.view = Gtk.TextView(wrap_mode=Gtk.WrapMode.WORD_CHAR, left_margin=12, top_margin=12)
        self.buffer = self.view.get_buffer()

        box = Gtk.Box(orientation=Gtk.Orientation.VERTICAL)
        box.append(self.banner)
        box.append(Gtk.ScrolledWindow(vexpand=True, child=self.view))
        self.set_child(box)

    def say(self, text):
        if self.get_application().verbose:
            print(text, flush=True)

    # The details are a tooltip
    def show_message(self, text, details=None):
        self.message.set_text(text)
        self.message.set_tooltip_text(details)
        self.banner.set_reveal_child(True)
        self.say(f'{text}: {details}' if details else text)

    def is_held(self):
        return self.lock is not None and self.lock.is_held()

    def set_editable(self, editable):
        self.subtitle.set_visible(not editable)
        self.view.set_editable(editable)
        self.view.set_cursor_visible(editable)
        self.save_action.set_enabled(editable)

        if editable:
            self.banner.set_reveal_child(False)
            self.button.set_label('_Discard')
            self.view.grab_focus()
            self.say('Yours to edit')

    def set_waiting(self, waiting):
        self.waiting = waiting
        self.spinner.set_spinning(waiting is not None)
        self.spinner.set_visible(waiting is not None)
        self.button.set_label('_Cancel' if waiting else '_Edit')

    # Both attempts run in the background, so the window stays responsive

    def acquire(self, timeout):
        self.lock.acquire_with_timeout_async(timeout, GLib.PRIORITY_DEFAULT, self.waiting,
                                             self.on_acquired)

    def on_acquired(self, lock, result):
        failure = None
        try:
            lock.acquire_finish(result)
        except Lf.AlreadyLocked:
            pass
        except GLib.Error as error:
            failure = error

        if self.closing:
            return
        self.set_waiting(None)

        if failure and failure.matches(Gio.io_error_quark(), Gio.IOErrorEnum.CANCELLED):
            self.say('Cancelled')
            self.query_holder()
            return
        if failure:
            self.give_up(failure.message)
        # Loads it again after a wait: another program may have changed it
        self.file.load_contents_async(None, self.on_loaded)

    def on_button_clicked(self):
        if self.waiting:
            self.waiting.cancel()
        elif self.is_held():
            self.buffer.set_modified(False)
            self.close()
        else:
            self.start_to_wait()

    def start_to_wait(self):
        self.set_waiting(Gio.Cancellable())
        self.acquire(-1)

    # The holder can change while several programs wait, and the document can become free.
    # This updates the banner when the user looks at it; nothing happens in the background.
    def on_is_active(self, pspec):
        if (self.is_active() and not self.closing and not self.given_up
                and not self.is_held() and self.banner.get_reveal_child()):
            self.query_holder()

    def query_holder(self):
        self.lock.query_holder_async(GLib.PRIORITY_DEFAULT, None, self.on_holder)

    def on_holder(self, lock, result):
        try:
            holder = lock.query_holder_finish(result)
        except GLib.Error:
            holder = None
        self.show_holder(holder)

    # The wait reports its holder
    def on_waiting(self, lock, holder):
        self.show_holder(holder)

    def show_holder(self, holder):
        if self.closing or self.given_up or self.is_held():
            return

        if holder:
            text = describe_place(holder)
            if self.waiting:
                text += '. Waiting to edit.'
            self.show_message(text, holder.to_string())
        # Otherwise the lock is about to be granted, here or to another waiter
        elif not self.waiting:
            self.show_message('No longer open elsewhere')

    def on_loaded(self, file, result):
        if self.closing:
            return

        text = ''
        try:
            text = file.load_contents_finish(result)[1].decode()
        except UnicodeDecodeError:
            self.give_up('This is not a text in UTF-8')
            return
        except GLib.Error as error:
            # Without a file, the document is a new one
            if not error.matches(Gio.io_error_quark(), Gio.IOErrorEnum.NOT_FOUND):
                self.give_up(error.message)
                return

        self.buffer.set_text(text)
        self.buffer.set_modified(False)
        if self.is_held():
            self.set_editable(True)
        elif not self.given_up:
            self.start_to_wait()

    # A document that cannot be locked or shown is not edited. The lock is released for
    # others
    def give_up(self, text):
        self.given_up = True
        self.show_message(text)
        self.button.set_visible(False)
        if self.is_held():
            self.lock.release_async(GLib.PRIORITY_DEFAULT, None, lambda lock, result: None)

    def save_once(self):
        if not self.saving:
            self.save()

    # Replaces the file, and keeps its permissions and owner
    def save(self):
        self.saving = True
        text = self.buffer.props.text
        self.buffer.set_modified(False)
        self.file.replace_contents_bytes_async(
            GLib.Bytes.new(text.encode()), None, False, Gio.FileCreateFlags.NONE, None,
            self.on_saved)

    def on_saved(self, file, result):
        self.saving = False
        try:
            file.replace_contents_finish(result)
        except GLib.Error as error:
            self.buffer.set_modified(True)
            self.closing = False
            self.show_message(error.message)
            return

        self.say('Saved')
        self.banner.set_reveal_child(False)
        if self.closing:
            self.close_document()

    def on_close_request(self):
        # The window is already closing
        if self.closing:
            return True

        self.closing = True
        if self.waiting:
            self.waiting.cancel()
        if not self.is_held():
            return False

        # Not before it has finished writing
        if not self.saving:
            self.close_document()
        return True

    def close_document(self):
        if self.buffer.get_modified():
            self.save()
        else:
            self.release_and_close()

    def release_and_close(self):
        self.lock.release_async(GLib.PRIORITY_DEFAULT, None, self.on_released)

    def on_released(self, lock, result):
        try:
            lock.release_finish(result)
        except GLib.Error as error:
            print(error.message, file=sys.stderr)
        self.destroy()


# The program's name in the menus of the desktop, or None
def get_name_of_program(executable):
    for program in Gio.AppInfo.get_all():
        path = program.get_executable()
        if path and os.path.basename(path) == executable and program.should_show():
            return program.get_display_name()
    return None


# For a user, who looks for a window and not for a process
def describe_place(holder):
    host = holder.get_host()
    if host and host != GLib.get_host_name():
        return f'Open on the computer {host}'
    if not holder.get_pid():
        return 'Open elsewhere'

    program = get_name_of_program(holder.get_application())
    return f'Open in {program}' if program else 'Open in another window'


class Application(Gtk.Application):
    def __init__(self):
        super().__init__(flags=Gio.ApplicationFlags.NON_UNIQUE | Gio.ApplicationFlags.HANDLES_OPEN)
        self.verbose = False
        self.status = 0
        self.set_option_context_parameter_string('FILE')
        self.add_main_option('verbose', ord('v'), GLib.OptionFlags.NONE, GLib.OptionArg.NONE,
                             'Print what happens', None)
        self.set_accels_for_action('win.save', ['<Control>s'])
        self.set_accels_for_action('window.close', ['<Control>w'])

    def do_handle_local_options(self, options):
        self.verbose = options.contains('verbose')
        return -1

    def do_open(self, files, n_files, hint):
        for file in files:
            if file.has_parent(None):
                DocumentWindow(self, file).present()
            else:
                self.do_activate()

    def do_activate(self):
        print('Which file? See --help.', file=sys.stderr)
        self.status = 2


if __name__ == '__main__':
    application = Application()
    sys.exit(application.run(sys.argv) or application.status)
