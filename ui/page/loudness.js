/** Loudness of what is heard, as ITU-R BS.1770-4 measures it: K-weighted mean square of 400 ms ("momentary", EBU Tech 3341). */

const WINDOW_S = 0.4;
const OFFSET_DB = -0.691; // of the recommendation, which makes a sine of 1 kHz at full scale -3.01 LUFS
const FFT_SIZE = 16384; // the least power of two with so many samples, up to 40 kHz

/** Loudness of samples that are K-weighted. @param {Float32Array} samples @returns {number} */
export function lufsOf(samples) {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  return sum ? OFFSET_DB + 10 * Math.log10(sum / samples.length) : -Infinity;
}

/**
 * A meter for mono sound: what goes into `input` goes out of it unchanged, and `read()` tells how loud the last 400 ms were.
 * @param {AudioContext} context @returns {{input: AudioNode, read: () => number}}
 */
export function loudnessMeter(context) {
  const input = new GainNode(context);
  const head = new BiquadFilterNode(context, { type: "highshelf", frequency: 1681, gain: 4 }); // of a listener
  const low = new BiquadFilterNode(context, { type: "highpass", frequency: 38.1, Q: 20 * Math.log10(0.5) }); // Q in dB here
  const analyser = new AnalyserNode(context, { fftSize: FFT_SIZE });
  input.connect(head).connect(low).connect(analyser);
  const samples = new Float32Array(FFT_SIZE);
  const latest = samples.subarray(FFT_SIZE - Math.round(WINDOW_S * context.sampleRate));
  return {
    input,
    read() {
      analyser.getFloatTimeDomainData(samples);
      return lufsOf(latest);
    },
  };
}
