"""Detectors by name: what can be used here, what is missing, and that nothing of a guest's is touched unasked."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lib_vaeface.face import detect, guests
from lib_vaeface.face.detect import Detectors, DetectorUnavailable, Setup, detector, missing
from lib_vaeface.face.filters import Filters
from lib_vaeface.face.improve import improve
from lib_vaeface.face.passes import FacePass
from lib_vaeface.face.protocol import Face
from tests.face.people import matched, rendered

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    detect._loaded.cache_clear()
    yield
    detect._loaded.cache_clear()


def plant(monkeypatch: pytest.MonkeyPatch, name: str, **content: Any) -> ModuleType:
    """A package as if it were installed."""
    parts = name.split(".")
    for end in range(1, len(parts) + 1):
        path = ".".join(parts[:end])
        module = ModuleType(path)
        module.__path__ = []
        module.__spec__ = SimpleNamespace(submodule_search_locations=[])  # type: ignore[assignment]
        monkeypatch.setitem(sys.modules, path, module)
    for key, value in content.items():
        setattr(sys.modules[name], key, value)
    return sys.modules[name]


def test_centerface_is_always_there_and_kept() -> None:
    assert missing("centerface", Setup()) == ""
    assert detector("centerface", Setup()) is detector("centerface", Setup())
    ((picture, boxes),) = rendered("closeup", 8)[:1]
    found = Detectors(CPU).get(FacePass(search="thorough")).detect([picture])[0]
    assert matched(found, boxes) == 1


def test_the_score_of_a_pass_is_the_detectors() -> None:
    picture, _ = rendered("closeup", 8)[0]
    (face,) = Detectors(CPU).get(FacePass(score=0.2)).detect([picture])[0]
    assert Detectors(CPU).get(FacePass(score=min(face.score + 0.001, 1.0))).detect([picture]) == [[]]


@pytest.mark.parametrize(
    ("name", "setup", "said"),
    [
        ("retinaface", Setup(), "facexlib is not installed"),
        ("mediapipe", Setup(), "mediapipe is not installed"),
        ("yolo", Setup(), "no YOLO model"),
        ("yolo", Setup(yolo=Path("gone.pt")), "gone.pt is not there"),
        ("haar", Setup(), "centerface, retinaface, mediapipe, yolo"),
    ],
)
def test_what_is_missing_is_said(monkeypatch: pytest.MonkeyPatch, name: str, setup: Setup, said: str) -> None:
    monkeypatch.setattr(guests, "installed", lambda package: False)
    assert said in missing(name, setup)
    with pytest.raises(DetectorUnavailable, match=said):
        detector(name, setup)


def test_a_weight_file_that_was_deleted_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(detect, "WEIGHTS", tmp_path / "centerface.safetensors")
    assert "install it again" in missing("centerface", Setup())


class FacexlibNet(nn.Module):
    """What facexlib's RetinaFace offers: one weight, and an answer in its own layout."""

    def __init__(self, network_name: str, half: bool, device: Any = None) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(2))
        self.seen: list[Any] = []

    def detect_faces(self, bgr: Any, conf_threshold: float) -> list[list[float]]:
        self.seen.append((bgr.shape, bgr[0, 0].tolist(), conf_threshold))
        return [[-5, 10, 60, 70, 0.9, *range(10)], [-4, 11, 60, 70, 0.8, *range(10)]]


def test_retinaface_is_the_webuis_own_file_and_no_download(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    plant(monkeypatch, "facexlib.detection.retinaface", RetinaFace=FacexlibNet)
    monkeypatch.setattr(guests, "installed", lambda package: package == "facexlib")
    assert "not on disk" in missing("retinaface", Setup(folders=(tmp_path,)))
    torch.save({"module.weight": torch.ones(2)}, tmp_path / guests.RETINAFACE_FILE)
    wanted = FacePass(detector="retinaface", score=0.5)
    search = Detectors(CPU, [tmp_path / "empty", tmp_path]).get(wanted)
    picture = torch.zeros(3, 80, 100)
    picture[0] = 1.0
    ((face,),) = search.detect([picture])
    assert face.box == (0, 10, 60, 70) and face.landmarks[:2] == ((0, 1), (2, 3)) and len(face.landmarks) == 5
    net = search.detector._net  # type: ignore[attr-defined]
    assert net.seen == [((80, 100, 3), [0, 0, 255], 0.5)] and net.weight.tolist() == [1, 1]


def test_a_pickle_that_runs_something_is_not_opened_as_retinaface(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class Harm:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (tmp_path / "ran",))

    plant(monkeypatch, "facexlib.detection.retinaface", RetinaFace=FacexlibNet)
    monkeypatch.setattr(guests, "installed", lambda package: True)
    torch.save({"weight": Harm()}, tmp_path / guests.RETINAFACE_FILE)
    with pytest.raises(Exception, match=r"weights_only|Weights only|Unsupported"):
        detector("retinaface", Setup(folders=(tmp_path,)))
    assert not (tmp_path / "ran").exists()


def test_mediapipe_without_models_is_told_from_one_with(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guests, "installed", lambda package: True)
    plant(monkeypatch, "mediapipe.python.solutions.face_detection")
    assert "0.10.21" in missing("mediapipe", Setup())
    point = SimpleNamespace(x=0.5, y=0.25)
    box = SimpleNamespace(xmin=-0.1, ymin=0.5, width=0.6, height=0.7)
    place = SimpleNamespace(relative_bounding_box=box, relative_keypoints=[point] * 6)
    answer = SimpleNamespace(detections=[SimpleNamespace(score=[0.8], location_data=place)])

    def make(**options: Any) -> Any:
        return SimpleNamespace(process=lambda frame: answer)

    plant(monkeypatch, "mediapipe.python.solutions.face_detection", FaceDetection=make)
    ((face,),) = detector("mediapipe", Setup()).detect([torch.zeros(3, 100, 200)])
    assert face.box == pytest.approx((0, 50, 100, 100)) and face.landmarks == ((100, 25),) * 5


def test_a_yolo_model_is_opened_only_where_that_was_allowed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    opened: list[str] = []

    def yolo(path: str) -> Any:
        opened.append(path)
        boxes = SimpleNamespace(xyxy=torch.tensor([[1.0, 2, 30, 40]]), conf=torch.tensor([0.7]))
        return lambda bgr, **options: [SimpleNamespace(boxes=boxes)]

    model = tmp_path / "face.pt"
    model.write_bytes(b"no model")
    monkeypatch.setattr(guests, "installed", lambda package: True)
    plant(monkeypatch, "ultralytics", YOLO=yolo)
    assert "can run programs" in missing("yolo", Setup(yolo=model))
    with pytest.raises(DetectorUnavailable, match="allow"):
        Detectors(CPU, yolo=model).get(FacePass(detector="yolo"))
    assert opened == []
    search = Detectors(CPU, yolo=model, allow_pickle=True).get(FacePass(detector="yolo"))
    assert search.detect([torch.zeros(3, 64, 64)] * 2) == [[Face((1, 2, 30, 40), pytest.approx(0.7))]] * 2
    assert opened == [str(model)]


class Broken:
    name = "broken"

    def __init__(self, error: Exception) -> None:
        self.error = error

    def detect(self, images: list[Tensor]) -> list[list[Face]]:
        raise self.error


@pytest.mark.parametrize("error", [RuntimeError("planted"), DetectorUnavailable("planted"), KeyError("planted")])
def test_a_broken_detector_keeps_the_pictures_and_is_told(error: Exception) -> None:
    pictures = [torch.rand(3, 64, 64), torch.rand(3, 32, 80)]
    result = improve(pictures, [FacePass()], lambda wanted: Broken(error))
    assert all(torch.equal(a, b) for a, b in zip(result.pictures, pictures, strict=True))
    assert len(result.notes) == 1 and "planted" in result.notes[0]


def test_a_pass_is_a_filter() -> None:
    assert isinstance(FacePass(), Filters)
