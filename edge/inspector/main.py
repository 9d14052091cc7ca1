"""The inspector: watches a directory for pictures and inspects them until it is told to stop."""

import argparse
import signal
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edge.inspector.greengrass import Nucleus
from edge.inspector.health import Components, Health
from edge.inspector.inspection import Inspection, Store, waiting_pictures
from edge.inspector.model import Detector, Model, ModelRecord, UnusableModel, load_model, read_record
from edge.inspector.object_store import ObjectStore
from edge.inspector.outbox import Outbox
from edge.inspector.results import ResultLog
from edge.inspector.sending import Sender
from edge.inspector.settings import BadSettings, Settings
from inference.detector import Detector as OnnxDetector
from inference.pictures import decode

_LOOK_AGAIN_SECONDS = 0.2
_DISK_PAUSE_SECONDS = 5.0
_MODEL_PATIENCE_SECONDS = 60.0


@dataclass(frozen=True)
class Arguments:
    """What the recipe's `run` passes."""

    work: Path
    thing: str
    components: Components

    @property
    def model_record(self) -> Path:
        """Where the model component's `run` writes which version lies where."""
        return self.work.parent / self.components.model / "current"


class Inspector:
    """The component's life: one loop that inspects, one thread that sends."""

    def __init__(self, arguments: Arguments, nucleus: Nucleus, objects: ObjectStore) -> None:
        self._arguments = arguments
        self._nucleus = nucleus
        work = arguments.work
        self._stop = threading.Event()
        self._refused: ModelRecord | None = None
        self._settings = Settings.from_configuration(nucleus.configuration(), work)
        self._health = Health(work / "health.json", thing=arguments.thing, components=arguments.components)
        store = Store(ResultLog(work / "results"), Outbox(work / "outbox"), work / "rejected")
        self._inspection = Inspection(thing=arguments.thing, store=store, health=self._health, decode=decode)
        self._sender = Sender(
            thing=arguments.thing,
            objects=objects,
            outbox=store.outbox,
            results=store.results,
            health=self._health,
            settings=lambda: self._settings,
            log=log,
        )

    def stop(self) -> None:
        """End after the picture in hand."""
        self._stop.set()

    def run(self) -> None:
        """Inspect until stopped. Raises UnusableModel if there is no model to begin with."""
        model = self._first_model()
        self._health.begin(model)
        self._settings.input_directory.mkdir(parents=True, exist_ok=True)
        self._nucleus.on_configuration_update(self._reload_settings)
        sending = threading.Thread(target=self._sender.run, args=(self._stop,), name="sending")
        sending.start()
        heartbeat = threading.Thread(target=self._beat, name="heartbeat", daemon=True)
        heartbeat.start()
        self._nucleus.running()
        log(f"inspecting {self._settings.input_directory} with {model.package_arn}")
        try:
            self._inspect_until_stopped(model)
        finally:
            self._stop.set()
            sending.join()
            self._health.save()

    def _inspect_until_stopped(self, model: Model) -> None:
        while not self._stop.is_set():
            model = self._model_of_the_moment(model)
            try:
                for path in waiting_pictures(self._settings.input_directory):
                    if self._stop.is_set():
                        return
                    self._inspection.inspect(path, model, self._settings)
            except FileNotFoundError as error:
                log(f"a picture went away: {error}")
            except OSError as error:
                self._health.count("errors", error=str(error))
                log(f"the disk fails, the pictures wait: {error}")
                self._stop.wait(_DISK_PAUSE_SECONDS)
            self._stop.wait(_LOOK_AGAIN_SECONDS)

    def _first_model(self) -> Model:
        waited = 0.0
        while (record := read_record(self._arguments.model_record)) is None:
            if waited >= _MODEL_PATIENCE_SECONDS or self._stop.wait(_LOOK_AGAIN_SECONDS):
                raise UnusableModel(f"{self._arguments.model_record}: not written by the model component")
            waited += _LOOK_AGAIN_SECONDS
        return load_model(record, open_detector)

    def _model_of_the_moment(self, model: Model) -> Model:
        record = read_record(self._arguments.model_record)
        if record is None or record == model.record or record == self._refused:
            return model
        try:
            model = load_model(record, open_detector)
        except UnusableModel as error:
            self._refused = record
            self._health.count("errors", error=str(error))
            log(f"keeps {model.record.version}: {error}")
            return model
        self._health.begin(model)
        log(f"goes on with {model.package_arn}")
        return model

    def _reload_settings(self) -> None:
        try:
            self._settings = Settings.from_configuration(self._nucleus.configuration(), self._arguments.work)
        except Exception as error:  # called on the SDK's thread: an error would end there unseen
            self._health.count("errors", error=str(error))
            log(f"keeps the configuration it has: {error}")

    def _beat(self) -> None:
        while not self._stop.wait(self._settings.health_interval_seconds):
            self._nucleus.heartbeat(self._arguments.thing, self._health.report())


def open_detector(path: Path) -> Detector:
    """Open the ONNX detector on one thread: the device has others for its own work."""
    return OnnxDetector(path, threads=1)


def log(message: str) -> None:
    """Write a line for the nucleus to keep in the component's log."""
    print(message, flush=True)


def parse(arguments: Sequence[str] | None = None) -> Arguments:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="the component's work directory")
    parser.add_argument("--thing", required=True, help="this device's thing name")
    parser.add_argument("--component", required=True, help="this component's name")
    parser.add_argument("--version", required=True, help="this component's version")
    parser.add_argument("--model-component", required=True, help="the model component's name")
    known = parser.parse_args(arguments)
    components = Components(inspector=known.component, version=known.version, model=known.model_component)
    return Arguments(work=known.work.resolve(), thing=known.thing, components=components)


def main() -> int:
    """Run the component; 0 after SIGTERM, 1 where it cannot work."""
    from awsiot.greengrasscoreipc.clientv2 import GreengrassCoreIPCClientV2

    nucleus = Nucleus(GreengrassCoreIPCClientV2(), log)
    try:
        inspector = Inspector(parse(), nucleus, ObjectStore.from_environment())
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: inspector.stop())
        inspector.run()
    except (BadSettings, UnusableModel) as error:
        log(str(error))
        nucleus.errored()
        return 1
    finally:
        nucleus.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
