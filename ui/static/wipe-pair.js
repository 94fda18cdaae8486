// Keeps two videos in sync, frame by frame: the result leads, the source follows by small changes of its playback rate.

const SEEN = "requestVideoFrameCallback" in HTMLVideoElement.prototype;
const PULL_S = 0.15, MOST_PULL = 0.4; // time constant for closing a lag, and the largest change of the playback rate
const CALM_S = 0.001, JUMP_S = 0.4; // lags below CALM_S are ignored, lags above JUMP_S are closed by a seek
const NUDGE = 0.25, MOSTLY = 0.8; // of a frame: when one nearly always shows a picture before the other, it is held back by so much
const PATIENCE_MS = 8000;

/** Maps between frame numbers and times in seconds from the first frame. */
export class Clock {
  constructor({ frames, fps, times_s, delay_s }) {
    Object.assign(this, { frames, fps, times: times_s ?? null, delay: delay_s ?? 0 });
  }
  start(index) {
    return this.times ? this.times[index] ?? this.times.at(-1) + 1 / this.fps : index / this.fps;
  }
  /** A time at which exactly this frame is shown. */
  middle(index) {
    return (this.start(index) + this.start(index + 1)) / 2;
  }
  index(time) {
    if (!this.times) return this.held(Math.floor(time * this.fps + 0.01));
    let low = 0, high = this.frames - 1;
    while (low < high) {
      const mid = (low + high + 1) >> 1;
      if (this.times[mid] <= time + 0.0005) low = mid;
      else high = mid - 1;
    }
    return low;
  }
  held(index) {
    return Math.min(this.frames - 1, Math.max(0, index));
  }
}

export class Pair extends EventTarget {
  constructor(before, after, clock) {
    super();
    Object.assign(this, { before, after, clock, index: 0, playing: false, loop: true, speed: 1, goal: null, going: null });
    Object.assign(this, { shown: { before: -1, after: -1 }, ahead: 0, bias: 0, look: 0 });
    this.videos = [before, after];
    before.muted = true;
    for (const video of this.videos) {
      video.addEventListener("waiting", () => this.wait(video));
      video.addEventListener("canplay", () => this.goOn());
      video.addEventListener("ended", () => this.end());
      video.addEventListener("error", () => this.tell("failed"));
      this.follow(video);
    }
  }

  /** How many seconds the source is ahead of the result. */
  get drift() {
    return this.before.currentTime - (this.after.currentTime - this.clock.delay);
  }

  /** Show a frame in both; of many requests in a row only the last is carried out. */
  seek(index) {
    this.goal = this.index = this.clock.held(index);
    this.tell("moved");
    this.going ??= this.go().finally(() => (this.going = null));
    return this.going;
  }
  async go() {
    while (this.goal !== null) {
      const time = this.clock.middle(this.goal);
      this.goal = null;
      await Promise.all([sought(this.before, time), sought(this.after, time + this.clock.delay)]);
    }
  }

  async play() {
    this.playing = true;
    this.tell("changed");
    await this.seek(this.index >= this.clock.frames - 1 ? 0 : this.index);
    if (!this.playing) return;
    Object.assign(this, { ahead: 0, bias: 0 });
    this.pace(this.speed);
    try {
      await Promise.all(this.videos.map((video) => video.play()));
    } catch (error) {
      if (error.name !== "AbortError") await this.pause(); // autoplay is blocked until the user clicks
    }
  }

  /** Pause, with the same frame in both. */
  pause() {
    if (this.playing) this.index = this.clock.index(this.after.currentTime - this.clock.delay);
    this.playing = false;
    for (const video of this.videos) video.pause();
    this.tell("changed");
    return this.seek(this.index);
  }

  async step(by) {
    if (this.playing) await this.pause();
    return this.seek(this.index + by);
  }

  setSpeed(speed) {
    this.speed = speed;
    this.pace(speed);
  }
  pace(follower) {
    this.after.playbackRate = this.speed;
    this.before.playbackRate = follower;
  }

  /** Call back for every shown frame (requestVideoFrameCallback, else requestAnimationFrame). */
  follow(video) {
    const side = video === this.before ? "before" : "after", delay = video === this.after ? this.clock.delay : 0;
    const seen = (_, told) => {
      const time = told ? told.mediaTime - delay : video.currentTime - delay;
      this.shown[side] = this.clock.index(told ? time + 0.25 / this.clock.fps : time);
      this.correct();
      this.look ||= requestAnimationFrame(() => this.compare());
      if (video.isConnected) next();
    };
    const next = () => (SEEN ? video.requestVideoFrameCallback(seen) : requestAnimationFrame(() => seen()));
    next();
  }

  correct() {
    if (!this.playing || this.going || this.after.paused) return;
    const index = this.clock.index(this.after.currentTime - this.clock.delay);
    if (index !== this.index) {
      this.index = index;
      this.tell("moved");
    }
    const drift = this.drift;
    if (Math.abs(drift) > JUMP_S) this.before.currentTime = Math.max(0, this.after.currentTime - this.clock.delay);
    const late = this.bias - drift;
    const pull = Math.abs(late) < CALM_S ? 0 : within(late / PULL_S, MOST_PULL);
    const rate = this.speed * (1 + pull);
    if (Math.abs(this.before.playbackRate - rate) > 0.002) this.before.playbackRate = rate;
  }

  /** If the screen refreshes just when frames change, the two videos may show different frames: shift the source a little. */
  compare() {
    this.look = 0;
    if (!this.playing || this.going) return;
    this.ahead += 0.1 * (Math.sign(this.shown.before - this.shown.after) - this.ahead);
    if (Math.abs(this.ahead) < MOSTLY) return;
    this.bias = within(this.bias - (NUDGE / this.clock.fps) * Math.sign(this.ahead), 0.75 / this.clock.fps);
    this.ahead = 0;
  }

  /** While one video is buffering, pause the other one. */
  wait(video) {
    if (!this.playing || this.going) return;
    for (const each of this.videos) if (each !== video && !each.ended) each.pause();
  }
  goOn() {
    if (!this.playing || this.going || this.videos.some((video) => video.readyState < 3 || video.ended)) return;
    for (const video of this.videos) if (video.paused) video.play().catch(() => {});
  }

  async end() {
    if (!this.playing || this.going) return;
    for (const video of this.videos) video.pause();
    this.index = this.clock.frames - 1;
    if (this.loop) {
      await this.seek(0);
      if (this.playing) await this.play();
      return;
    }
    this.playing = false;
    this.tell("changed");
    await this.seek(this.index);
  }

  tell(what) {
    this.dispatchEvent(new Event(what));
  }
}

const within = (value, most) => Math.min(most, Math.max(-most, value));

/** Seek a video; resolves when the frame is shown. */
async function sought(video, time) {
  if (video.error) return;
  if (video.readyState < 1) await heard(video, "loadedmetadata");
  if (Math.abs(video.currentTime - time) < 1e-4 && !video.seeking && video.readyState > 1) return;
  const done = heard(video, "seeked");
  video.currentTime = time;
  await done;
}

function heard(video, name) {
  return new Promise((done) => {
    const over = () => {
      clearTimeout(timer);
      for (const each of [name, "error"]) video.removeEventListener(each, over);
      done();
    };
    const timer = setTimeout(over, PATIENCE_MS);
    for (const each of [name, "error"]) video.addEventListener(each, over);
  });
}
