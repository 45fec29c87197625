"""One window for one data folder: a second start raises the first one. Lives on the main thread.

A lock in the folder says who has it; a local socket, named after the folder, carries the
wish to be raised. Knows nothing of what the window does.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from PySide6.QtCore import QLockFile, QObject, Signal, Slot
from PySide6.QtNetwork import QLocalServer, QLocalSocket

LOCK_NAME = "window.lock"
_RAISE = b"raise\n"
_ANSWER = b"raised\n"
_LIMIT_MS = 3_000


class OneWindow(QObject):
    """Signals:
    raise_wanted(): the app was started once more on the same folder.
    """

    raise_wanted = Signal()

    def __init__(self, data: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._data = data
        self._lock = QLockFile(str(data / LOCK_NAME))
        # by age it never gets stale; that its process is gone is noticed all the same
        self._lock.setStaleLockTime(0)
        self._server: QLocalServer | None = None

    def take(self) -> bool:
        """Whether the folder is ours from now on; what a crash left locked is taken over.

        A folder that cannot be written to cannot be locked, and is opened all the same: the
        window says what is wrong with it.
        """
        try:
            self._data.mkdir(parents=True, exist_ok=True)
        except OSError:
            return True
        if not self._lock.tryLock(0):
            return self._lock.error() != QLockFile.LockError.LockFailedError
        self._listen()
        return True

    def raise_other(self) -> bool:
        """Asks the window that has the folder to come to the front; whether it answered."""
        socket = QLocalSocket()
        socket.connectToServer(_name(self._data))
        if not socket.waitForConnected(_LIMIT_MS):
            return False
        socket.write(_RAISE)
        answered = socket.waitForReadyRead(_LIMIT_MS) and bytes(socket.readAll().data()).startswith(
            _ANSWER
        )
        socket.disconnectFromServer()
        return answered

    def holder(self) -> int:
        """The number of the process that has the folder; 0 where it is not known."""
        return self._lock.getLockInfo()[0] if self._lock.getLockInfo() else 0

    def close(self) -> None:
        """Lets the folder go."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self._lock.unlock()

    def _listen(self) -> None:
        server = QLocalServer(self)
        server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        QLocalServer.removeServer(_name(self._data))  # left by a crash: the lock is ours
        server.newConnection.connect(self._on_connection)
        if server.listen(_name(self._data)):
            self._server = server

    @Slot()
    def _on_connection(self) -> None:
        server = self._server
        while server is not None and server.hasPendingConnections():
            socket = server.nextPendingConnection()
            socket.readyRead.connect(self._on_asked)
            socket.disconnected.connect(socket.deleteLater)

    @Slot()
    def _on_asked(self) -> None:
        socket = self.sender()
        if isinstance(socket, QLocalSocket) and bytes(socket.readAll().data()).startswith(_RAISE):
            socket.write(_ANSWER)
            socket.flush()
            self.raise_wanted.emit()


def _name(data: Path) -> str:
    """Short enough for a socket's path, and the same for every spelling of the folder."""
    return "expert-studio-" + hashlib.sha256(str(data.resolve()).encode()).hexdigest()[:24]
