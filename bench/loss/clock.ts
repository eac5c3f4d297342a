/** Milliseconds of the monotonic clock of the machine, which all of its processes share. */
export function now(): number {
  return Number(process.hrtime.bigint() / 1000n) / 1000
}
