/** Loaded into a worker by NODE_OPTIONS: at SIGUSR2 its event loop stands still, then gets a twentieth of its time. */

const cell = new Int32Array(new SharedArrayBuffer(4));
const stillMs = 6000;
const starvedTimes = 12;

function starve(left: number): void {
  Atomics.wait(cell, 0, 0, 475);
  if (left > 1) setTimeout(starve, 25, left - 1);
}

process.on('SIGUSR2', () => {
  Atomics.wait(cell, 0, 0, stillMs);
  setTimeout(starve, 25, starvedTimes);
});
