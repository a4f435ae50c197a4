// Hands the microphone's samples to the page, mono, 2048 at a time.

class Recorder extends AudioWorkletProcessor {
  constructor() {
    super();
    this.part = new Float32Array(2048);
    this.filled = 0;
  }

  process([channels]) {
    if (!channels.length) return true;
    for (let i = 0; i < channels[0].length; i++) {
      let sum = 0;
      for (const channel of channels) sum += channel[i];
      this.part[this.filled++] = sum / channels.length;
      if (this.filled === this.part.length) {
        this.port.postMessage(this.part.slice());
        this.filled = 0;
      }
    }
    return true;
  }
}

registerProcessor("recorder", Recorder);
