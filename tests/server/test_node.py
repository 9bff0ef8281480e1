"""OpenAI's own client in Node, where it is: `npm install openai` in a folder that DIALOGUE_TTS_NODE names."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

import openai
import pytest

from dialogue_tts.pipeline import DialogueTTS
from dialogue_tts.server.app import create_app
from dialogue_tts.server.guard import Access
from dialogue_tts.settings import SynthesisConfig
from tests.server.test_live import serving

KEY = "a-key-for-node"
FOLDER = Path(os.environ.get("DIALOGUE_TTS_NODE", "."))
PROGRAM = """
import OpenAI from "openai";
import { createHash } from "node:crypto";
const [baseURL, apiKey] = process.argv.slice(-2);
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
const models = [];
for await (const model of client.models.list()) models.push(model.id);
const wanted = { model: "tts-1", voice: "low", input: "Good evening.", response_format: "pcm" };
const whole = Buffer.from(await (await client.audio.speech.create(wanted)).arrayBuffer());
const parts = [];
for await (const part of (await client.audio.speech.create({ ...wanted, speed: 1 })).body) parts.push(part);
const told = [];
for (const [given, more] of [[client, { voice: "nobody" }], [client, { model: "whisper-1" }],
                             [new OpenAI({ baseURL, apiKey: "another", maxRetries: 0 }), {}]])
  await given.audio.speech.create({ ...wanted, ...more }).catch((e) => told.push([e.constructor.name, e.status, e.code]));
const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");
console.log(JSON.stringify({ models, whole: sha256(whole), streamed: sha256(Buffer.concat(parts)), told }));
"""


@pytest.fixture
def node() -> str:
    found = shutil.which("node")
    if found is None:
        pytest.skip("node is not installed")
    if not (FOLDER / "node_modules" / "openai" / "package.json").is_file():
        pytest.skip("OpenAI's client for Node is not there: npm install openai, and DIALOGUE_TTS_NODE=its folder")
    return found


def test_openais_client_in_node_speaks_and_gets_its_errors(node: str, tiny_tts: DialogueTTS) -> None:
    tts = DialogueTTS(tiny_tts.bundle, SynthesisConfig(takes=1, sound_takes=1))
    with serving(create_app(tts, access=Access((KEY,)))) as address:
        base_url = f"{address}/v1"
        command = [node, "--input-type=module", "-", base_url, KEY]
        ended = subprocess.run(command, input=PROGRAM, cwd=FOLDER, capture_output=True, text=True, timeout=120)
        assert ended.returncode == 0, ended.stderr
        python = openai.OpenAI(base_url=base_url, api_key=KEY, max_retries=0)
        sound = python.audio.speech.create(model="tts-1", voice="low", input="Good evening.", response_format="pcm")
    found = json.loads(ended.stdout)
    assert found["models"] == ["tiny"]
    assert found["whole"] == found["streamed"] == hashlib.sha256(sound.content).hexdigest()
    refused, missing, stranger = found["told"]
    assert refused == ["BadRequestError", 400, "bad_voice"]
    assert missing == ["NotFoundError", 404, "model_not_found"]
    assert stranger[:2] == ["AuthenticationError", 401]
