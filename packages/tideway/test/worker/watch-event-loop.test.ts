import { Consumer, type Logger } from 'tideway'
import { watchEventLoop, type EventLoopWatch } from 'tideway/worker'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { patiently } from '../../../../test/setup/patiently.ts'

// Long enough for a busy machine to run the thread that watches, too.
const BLOCK_MS = 1500

class ReportConsumer extends Consumer {
  async onReportRequest() {
    await Promise.resolve()
    countFor(BLOCK_MS)
    this.stop()
  }
}

function countFor(milliseconds: number): number {
  const end = performance.now() + milliseconds
  let count = 0
  while (performance.now() < end) count++
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
  it('names the consumer and the handler that blocks it, also after an await', async () => {
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

  it('reports nothing when it has been stopped', async () => {
    watch = watchEventLoop({ logger })
    await watch.ready
    await watch.stop()
    countFor(BLOCK_MS)
    await turn()
    expect(warn).not.toHaveBeenCalled()
  })

  it('refuses a threshold that is no time', () => {
    expect(() => watchEventLoop({ thresholdMs: 0 })).toThrow('thresholdMs must be a whole number')
  })
})
