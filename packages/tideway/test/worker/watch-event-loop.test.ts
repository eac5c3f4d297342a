import { Consumer } from 'tideway'
import type { Logger } from 'tideway/asgi'
import { watchEventLoop, type EventLoopWatch } from 'tideway/worker'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { patiently } from '../../../../test/setup/patiently.ts'

// Processor time: long enough for a busy machine to run the thread that watches, too.
const BLOCK_MS = 600

class ReportConsumer extends Consumer {
  async onReportRequest() {
    await Promise.resolve()
    countFor(BLOCK_MS)
    this.stop()
  }
}

/** Uses a processor for this time, however long the machine lets it wait for one. */
function countFor(milliseconds: number): number {
  const start = process.cpuUsage()
  let count = 0
  while (process.cpuUsage(start).user < milliseconds * 1000) count++
  return count
}

let watch: EventLoopWatch | undefined
const warn = vi.fn<Logger['warn']>()
const logger: Logger = { debug() {}, info() {}, warn, error() {} }

afterEach(async () => {
  await watch?.stop()
  warn.mockClear()
})

/** Lets the thread that watches see that the event loop turns. */
const turn = (): Promise<unknown> => new Promise((resolve) => setTimeout(resolve, 200))

describe('the watch over the event loop', () => {
  it('names the consumer and the handler that block, also after an await', async () => {
    watch = watchEventLoop({ logger })
    await watch.ready
    await turn()
    const events = [{ type: 'report.request' }]
    await ReportConsumer.asApplication()(
      { type: 'channel', channel: 'reports', asgi: { version: '3.0', specVersion: '2.5' }, logger },
      () => events.shift() ?? new Promise<never>(() => {}),
      () => {},
    )
    await patiently(() => expect(warn).toHaveBeenCalled())
    expect(warn.mock.calls[0]![1]).toMatch(
      /^ReportConsumer\.onReportRequest \(.*watch-event-loop\.test\.ts:\d+\) blocked the event loop, and with it every connection, for about \d+ ms\./,
    )
    expect(warn.mock.calls[0]![0]).toMatchObject({ stack: [expect.stringMatching(/^countFor /)] })
  })

  it('reports nothing after stop()', async () => {
    watch = watchEventLoop({ logger })
    await watch.ready
    await watch.stop()
    countFor(BLOCK_MS)
    await turn()
    expect(warn).not.toHaveBeenCalled()
  })

  it('refuses an invalid threshold', () => {
    expect(() => watchEventLoop({ thresholdMs: 0 })).toThrow('thresholdMs must be a whole number')
  })
})
