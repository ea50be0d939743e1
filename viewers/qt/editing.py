"""Work on the stepped pass in the window: a value is changed, that is taken back, a line's source is read."""

from __future__ import annotations

from PySide6.QtWidgets import QDialog, QInputDialog, QPlainTextEdit, QVBoxLayout

from engine.snapshot import ListingRow
from engine.text import visible
from viewers.qt.theme import letters
from viewers.qt.wired import Wired

HOW = (
    "ADDRESS:KIND[:PLACES][=NUMBER]; the kinds: zero, scale, add, set, mean, ablate_head.\n"
    "PLACES has a word for each axis from the batch on: * for all, a number, or FIRST-LAST."
)
UNTIL = "An address or a part of one, as 1.attn.pattern:"


class Editing(Wired):
    """A base of the window. Names after `do_` are the ids of the table."""

    _until = ""  # the address that was last run to

    def do_edit_value(self) -> None:
        if (line := self.line_here()) is None:
            return
        proposed = f"{line.address.split('@before')[0]}:scale:{self._places(line)}=0.5"
        words, is_given = QInputDialog.getText(self.me, "Change this value", HOW, text=proposed)
        if is_given and words.strip():
            self.change("edit", text=words.strip())

    def _places(self, line: ListingRow) -> str:
        """Where the cursor of the value stands, in words; else everywhere."""
        cell = self.panels["value"].heat.cell  # type: ignore[attr-defined]
        return ",".join(["*"] * (len(line.shape) - 2) + [str(i) for i in cell]) if cell and len(line.shape) > 2 else "*"

    def change(self, command: str, **arguments: str) -> None:
        """Change the edits of the pass; it is then a person's own, and does not follow the text."""
        self.stepped = True
        self.send(command, **arguments)

    def do_undo(self) -> None:
        """The last edit; without one, the last change of the text."""
        self._again("undo_edit", "undo_text")

    def do_redo(self) -> None:
        self._again("redo_edit", "redo_text")

    def _again(self, of_edits: str, of_text: str) -> None:
        stepping = self.stepping
        if (stepping is not None and stepping.edits) or of_edits == self._undone:
            self._undone = "redo_edit" if of_edits == "undo_edit" else ""
            self.change(of_edits)
        else:
            self.send(of_text)

    _undone = ""  # what would take the last undoing back, if that was of an edit

    def do_clear_edits(self) -> None:
        self.change("clear_edits")

    def do_undo_text(self) -> None:
        self.send("undo_text")

    def do_redo_text(self) -> None:
        self.send("redo_text")

    def do_run_until(self) -> None:
        """Ask for an address or a part of one; at first that of the line under the cursor."""
        if (line := self.line_here()) is None:
            return
        words, is_given = QInputDialog.getText(self.me, "Run until", UNTIL, text=self._until or line.address)
        if is_given and words.strip():
            self.run_to(words.strip())

    def run_to(self, words: str) -> None:
        """Forward to the first line whose address ends with the words, or has them in it; or back, if it is done."""
        if (stepping := self.stepping) is None:
            return
        self._until, addresses = words, [row.address for row in stepping.rows]
        ends = [a for a in addresses if a.endswith(words)] or [a for a in addresses if words in a]
        if not ends:
            self.say(f"“{visible(words[:60])}” is in no address of this pass.")
            return
        there, self.stepped = words if words in addresses else ends[0], True
        if addresses.index(there) < stepping.cursor:  # going back ends before the line
            self.send("rewind", address=there)
        self.send("run_until", address=there)

    def do_value_form(self) -> None:
        tabs = self.panels["value"].tabs  # type: ignore[attr-defined]
        self.docks.bring("value")
        tabs.setCurrentIndex((tabs.currentIndex() + 1) % tabs.count())

    def do_source(self) -> None:
        """What the engine ran for this line, and where the line was written."""
        from engine.source import builder_source, operation_source

        if (line := self.line_here()) is None:
            return
        place, source = operation_source(line.op)
        parts = [f"{line.address} = {line.call}", line.equation, "", f"The operation, {place}", "", source or ""]
        if written := builder_source(line.where):
            parts += ["", f"The line was written by {line.where}", "", *written]
        dialog, text = QDialog(self.me), QPlainTextEdit()
        dialog.setWindowTitle(f"Source of {line.address}")
        dialog.resize(820, 620)
        text.setReadOnly(True)
        text.setFont(letters(text.font()))
        text.setPlainText("\n".join(visible(row) for part in parts for row in part.split("\n")))
        QVBoxLayout(dialog).addWidget(text)
        dialog.open()
