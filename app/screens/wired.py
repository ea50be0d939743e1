"""What the parts of the main screen's actions share: the driver at hand, and the screen's own means."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.screens.placing import Placing
from app.widgets.listing import ListingPanel
from engine.snapshot import Snapshot, Stepping
from viewers.view import View

if TYPE_CHECKING:
    from app.screens.opening import Opening


class Wired(Placing):
    """A base of the screen; the names declared here are the screen's."""

    if TYPE_CHECKING:
        opening: Opening
        view: View
        snapshot: Snapshot | None
        stepped: bool

        def look(self, **changes: object) -> None: ...

        def poll(self) -> None: ...

    def send(self, command: str, **arguments: Any) -> None:
        """Queue a command, once the model is open."""
        self.say("")
        if self.opening.driver is not None:
            self.opening.driver.send(command, **arguments)
        else:
            self.say("The model is still being opened.")

    @property
    def busy(self) -> bool:
        driver = self.opening.driver
        return driver is not None and driver.latest.busy is not None

    def cancel(self) -> None:
        if self.opening.driver is not None:
            self.opening.driver.cancel()

    @property
    def stepping(self) -> Stepping | None:
        return self.snapshot.stepping if self.snapshot else None

    @property
    def listing(self) -> ListingPanel:
        panel = self.panel("program")
        assert isinstance(panel, ListingPanel)
        return panel
