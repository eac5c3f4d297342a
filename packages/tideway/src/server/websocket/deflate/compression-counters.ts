/** What was compressed, or had been. */
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

/** What the compression of a server has done so far. */
export class CompressionCounters {
  readonly sent: DirectionCounters = new DirectionCounters()
  readonly received: DirectionCounters = new DirectionCounters()
}
