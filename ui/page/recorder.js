/** Sound from a file or the microphone -> a mono WAV of at most 31 s, whatever format the browser can read. */

const LONGEST_S = 31;
export const LARGEST_FILE = 20_000_000;

/** A file of any format the browser plays, as WAV; throws an Error that says what is wrong. */
export async function fileAsWav(file) {
  if (file.size > LARGEST_FILE) throw new Error(`The file is larger than ${LARGEST_FILE / 1e6} MB; cut it to 30 s of speech.`);
  let sound;
  try {
    sound = await new OfflineAudioContext(1, 1, 48000).decodeAudioData(await file.arrayBuffer());
  } catch {
    throw new Error("This is no sound file that can be read; use WAV, FLAC, MP3, OGG or M4A.");
  }
  const channels = Array.from({ length: sound.numberOfChannels }, (_, n) => sound.getChannelData(n));
  const mono = channels[0].map((_, n) => channels.reduce((sum, channel) => sum + channel[n], 0) / channels.length);
  return wav(mono.subarray(0, LONGEST_S * sound.sampleRate), sound.sampleRate);
}

/** Listen to the microphone as it is, without the browser's echo and level control; throws an Error in words. */
export async function startRecording(onLevel) {
  if (!navigator.mediaDevices?.getUserMedia) {
    throw new Error("The browser lends its microphone only to https pages and to localhost; upload a recording instead.");
  }
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false } });
  } catch (error) {
    if (error.name === "NotFoundError") throw new Error("No microphone was found; connect one, or upload a recording.");
    throw new Error("The microphone was refused; allow it in the browser's address bar, or upload a recording.");
  }
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  context.createMediaStreamSource(stream).connect(analyser);
  const levels = new Float32Array(analyser.fftSize);
  const timer = setInterval(() => {
    analyser.getFloatTimeDomainData(levels);
    onLevel(Math.max(...levels.map(Math.abs)));
  }, 80);
  const recorder = new MediaRecorder(stream);
  const pieces = [];
  recorder.ondataavailable = (event) => pieces.push(event.data);
  recorder.start();
  return async () => {
    clearInterval(timer);
    const ended = new Promise((resolve) => { recorder.onstop = resolve; });
    recorder.stop();
    await ended;
    stream.getTracks().forEach((track) => track.stop());
    await context.close();
    return fileAsWav(new File(pieces, "recording.webm"));
  };
}

function wav(samples, rate) {
  const bytes = new DataView(new ArrayBuffer(44 + 2 * samples.length));
  const put = (at, text) => [...text].forEach((c, n) => bytes.setUint8(at + n, c.charCodeAt(0)));
  put(0, "RIFF");
  bytes.setUint32(4, 36 + 2 * samples.length, true);
  put(8, "WAVEfmt ");
  bytes.setUint32(16, 16, true);
  bytes.setUint16(20, 1, true);
  bytes.setUint16(22, 1, true);
  bytes.setUint32(24, rate, true);
  bytes.setUint32(28, 2 * rate, true);
  bytes.setUint16(32, 2, true);
  bytes.setUint16(34, 16, true);
  put(36, "data");
  bytes.setUint32(40, 2 * samples.length, true);
  samples.forEach((value, n) => bytes.setInt16(44 + 2 * n, Math.round(32767 * Math.max(-1, Math.min(1, value))), true));
  return new File([bytes.buffer], "recording.wav", { type: "audio/wav" });
}
