import { describe, expect, it } from 'vitest'
import { processorWait } from '../../src/worker/processor-wait.ts'
import { culpritOf, type StackFrame } from '../../src/worker/stall-culprit.ts'
import { StallDetector, type StallChange } from '../../src/worker/stall-detector.ts'

const EVERY_MS = 20

/** Adds samples: each step lasts 20 ms, and the main thread waits a part of it for a processor, with a turn or without. */
function changesOf(...steps: readonly (readonly [count: number, turns: boolean, waitsMs: number])[]): StallChange[] {
  const detector = new StallDetector(100)
  const sample = { nowMs: 0, beat: 1, waitedMs: 0 }
  const changes: (StallChange | undefined)[] = []
  for (const [count, turns, waitsMs] of steps) {
    for (let i = 0; i < count; i++) {
      sample.nowMs += EVERY_MS
      sample.waitedMs += waitsMs
      if (turns) sample.beat++
      changes.push(detector.add({ ...sample }))
    }
  }
  return changes.filter((change) => change !== undefined)
}

describe('the detector of stalls', () => {
  it('finds a stall while it lasts, and its length when it ends', () => {
    expect(changesOf([3, true, 0], [10, false, 0], [3, true, 0])).toEqual(['begun', { endedAfterMs: 220 }])
  })

  it('finds nothing in an event loop that turns', () => {
    expect(changesOf([50, true, 0])).toEqual([])
  })

  it('finds nothing while the main thread waits for a processor', () => {
    expect(changesOf([3, true, 0], [100, false, 19], [3, true, 0])).toEqual([])
  })

  it('counts only the time in which the thread ran', () => {
    expect(changesOf([3, true, 0], [20, false, 10], [3, true, 0])).toEqual(['begun', { endedAfterMs: 220 }])
  })

  it('finds nothing at the bound, and a stall above it', () => {
    expect(changesOf([3, true, 0], [5, false, 0], [3, true, 0])).toEqual([])
    expect(changesOf([3, true, 0], [6, false, 0])).toEqual(['begun'])
  })

  it('finds nothing before the first turn', () => {
    const detector = new StallDetector(100)
    for (let i = 0; i < 20; i++) expect(detector.add({ nowMs: i * EVERY_MS, beat: 0, waitedMs: 0 })).toBeUndefined()
  })
})

describe('the wait for a processor', () => {
  it('never grows by more than the time that passes, and never shrinks', () => {
    const clock = processorWait()
    let [before, since] = [clock(), performance.now()]
    for (let round = 0; round < 5; round++) {
      while (performance.now() - since < 5) Math.sqrt(round)
      const [now, waited] = [performance.now(), clock()]
      expect(waited).toBeGreaterThanOrEqual(before)
      expect(waited - before).toBeLessThanOrEqual(performance.now() - since)
      ;[before, since] = [waited, now]
    }
  })
})

describe('the culprit of a stall', () => {
  const at = (name: string, url: string): StackFrame => ({ name, url, line: 7 })
  const own = '/srv/node_modules/tideway/dist/'
  const handler = at('ChatConsumer.receive', 'file:///srv/chat.ts')
  const helper = at('countWords', 'file:///srv/words.ts')
  const engine = at('FrameParser.push', `file://${own}server/frame-parser.js`)
  const timers = at('process.processTimers', 'node:internal/timers')
  const socket = at('TCP.onconnection', 'node:net')

  it('is the outermost function of the application, with the functions that it called', () => {
    expect(culpritOf([timers, helper, handler, engine, socket], own)).toEqual({
      culprit: 'ChatConsumer.receive',
      location: 'file:///srv/chat.ts:7',
      stack: ['countWords (file:///srv/words.ts:7)'],
    })
  })

  it.each([
    ['Node', [timers, socket]],
    ["tideway's own code", [engine, socket]],
    ['a package', [at('parse', 'file:///srv/node_modules/qs/index.js')]],
    ['code without a file', [at('anonymous', '')]],
    ['an empty stack', []],
  ])('is never in %s', (_where, frames) => {
    expect(culpritOf(frames, own)).toEqual({ culprit: undefined, location: undefined, stack: [] })
  })
})
