"""Everything a user can get wrong, as types: the message is one sentence that says what to do."""


class DialogueTTSError(Exception):
    """Base of all errors this library raises on bad input; the command line prints it and exits with 2."""


class ScriptError(DialogueTTSError):
    """The script cannot be spoken as written; the message names the line."""


class VoiceError(DialogueTTSError):
    """A voice is unknown, or a recording cannot serve as one."""


class AudioError(DialogueTTSError):
    """A sound file cannot be read or used, or an output cannot be written."""


class ConfigError(DialogueTTSError):
    """A configuration or recipe file has an unknown, missing or unusable entry."""


class BundleError(DialogueTTSError):
    """A bundle of trained models is missing files, damaged, or its parts do not fit together."""


class SettingsError(DialogueTTSError):
    """A setting of a synthesis is out of its range."""


class ProjectError(DialogueTTSError):
    """A project file cannot be read, or a voice or the bundle is not the one it was made with."""


class WorkFolderError(DialogueTTSError):
    """Unfinished work beside an output is that of another dialogue, in use, or cannot be written to."""


class Cancelled(DialogueTTSError):
    """The caller asked for the work to stop."""


class BusyError(DialogueTTSError):
    """There is too much to do already.

    Attributes:
        retry_after_s: when somebody is likely to be through, in seconds.
    """

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"too many dialogues are being made; try again in {retry_after_s} s.")
        self.retry_after_s = retry_after_s


class TooLongError(DialogueTTSError):
    """A dialogue got longer than it may."""


class StoreError(DialogueTTSError):
    """A server's store cannot be opened, read or written."""


class DataError(DialogueTTSError):
    """Training data (a manifest or token cache) cannot be used."""
