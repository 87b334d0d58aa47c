"""A desk that stands where the pipeline is, and what the command line hands to it."""

from dataclasses import dataclass, field

import pytest

from longriver.jobs.actions import Actions
from longriver.jobs.cli import main
from longriver.jobs.config import RunConfig
from longriver.jobs.folder_config import FolderConfig
from longriver.jobs.inspect_config import InspectConfig


@dataclass
class Desk:
    """Stands where the pipeline is: notes the orders, and answers with ``code`` or an error."""

    code: int = 0
    error: BaseException | None = None
    runs: list[RunConfig] = field(default_factory=list)
    plans: list[RunConfig] = field(default_factory=list)
    folders: list[FolderConfig] = field(default_factory=list)
    models: list[InspectConfig] = field(default_factory=list)

    @property
    def actions(self) -> Actions:
        return Actions(
            run=lambda config: self._note(self.runs, config),
            plan=lambda config: self._note(self.plans, config),
            status=lambda folder: self._note(self.folders, folder),
            verify=lambda folder: self._note(self.folders, folder),
            gc=lambda folder: self._note(self.folders, folder),
            retry_dead=lambda folder: self._note(self.folders, folder),
            inspect=lambda config: self._note(self.models, config),
        )

    def _note(self, orders: list[object], order: object) -> int:
        orders.append(order)
        if self.error:
            raise self.error
        return self.code


def composed(*words: str) -> RunConfig:
    desk = Desk()
    assert main(["score", *words], desk.actions) == 0
    return desk.runs[0]


def refusal(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """The one line that a bad order gets; nothing else is said and nothing is done."""
    desk = Desk()
    assert main(words, desk.actions) == 2
    out, err = capsys.readouterr()
    assert out == "" and not (desk.runs or desk.plans or desk.folders)
    assert err.startswith("longriver: error: ") and err.count("\n") == 1
    return err.removeprefix("longriver: error: ").rstrip("\n")
