/** Counts of compressed messages in one direction. */
export class DirectionCounters {
  messages = 0
  plainBytes = 0
  compressedBytes = 0

  count(plainBytes: number, compressedBytes: number): void {
    this.messages++
    this.plainBytes += plainBytes
    this.compressedBytes += compressedBytes
  }
}

/** Counts of a server's compression. */
export class CompressionCounters {
  readonly sent: DirectionCounters = new DirectionCounters()
  readonly received: DirectionCounters = new DirectionCounters()
}
