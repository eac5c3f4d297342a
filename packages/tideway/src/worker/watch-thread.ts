/** Runs beside the main thread: sees when its event loop stands still, and asks the inspector what it is at. */
import { Session, type Debugger } from 'node:inspector'
import { parentPort, workerData } from 'node:worker_threads'
import { BEAT_MS, type Stall, type WatchSettings } from './watch-protocol.ts'

const { beats, thresholdMs, ownCode } = workerData as WatchSettings

type Sighting = Omit<Stall, 'blockedMs'>

const unseen: Sighting = { culprit: undefined, location: undefined, stack: [] }
let lastBeat = 0
let lastBeatAt = performance.now()
/** Since when the main thread was seen to stand still while this one did not. */
let quietSince = performance.now()
let lastLookAt = performance.now()
let sighting: Sighting | undefined

setInterval(() => {
  const now = performance.now()
  const wasAsleep = now - lastLookAt > thresholdMs / 2
  lastLookAt = now
  const beat = Atomics.load(beats, 0)
  // Before the first beat the main thread is still starting. Where this thread stood still as well, so did the machine.
  if (beat !== lastBeat) {
    if (sighting !== undefined) report({ ...sighting, blockedMs: Math.round(now - lastBeatAt) })
    sighting = undefined
    lastBeatAt = now
    quietSince = now
  } else if (beat === 0 || wasAsleep) quietSince = now
  else if (sighting === undefined && now - quietSince > thresholdMs) {
    sighting = unseen
    look()
  }
  lastBeat = beat
}, BEAT_MS)

report('watching')

function report(stall: Stall | 'watching'): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- that is an argument of a browser's window
  parentPort?.postMessage(stall)
}

/** Has the main thread halt at the next thing that it does, reads its stack, and lets it go on. */
function look(): void {
  const session = new Session()
  const urls = new Map<string, string>()
  session.connectToMainThread()
  session.on('Debugger.scriptParsed', ({ params }) => urls.set(params.scriptId, params.url))
  session.on('Debugger.paused', ({ params }) => {
    sighting = describe(params.callFrames, urls)
    session.post('Debugger.resume', () => session.disconnect())
  })
  session.post('Debugger.enable')
  session.post('Debugger.pause')
}

function describe(frames: readonly Debugger.CallFrame[], urls: ReadonlyMap<string, string>): Sighting {
  const urlOf = (frame: Debugger.CallFrame): string => urls.get(frame.location.scriptId) ?? frame.url
  const isOfApplication = (frame: Debugger.CallFrame): boolean => {
    const url = urlOf(frame)
    return url !== '' && !/^node:|^evalmachine|\/node_modules\//.test(url) && !url.includes(ownCode)
  }
  // The outermost is the handler itself: it was called by tideway, and calls everything else.
  const culprit = frames.findLast(isOfApplication) ?? frames[0]
  if (culprit === undefined) return unseen
  const inner = frames.slice(0, frames.indexOf(culprit)).filter((frame) => !urlOf(frame).startsWith('node:'))
  return {
    culprit: nameOf(culprit),
    location: `${urlOf(culprit)}:${culprit.location.lineNumber + 1}`,
    stack: inner.map((frame) => `${nameOf(frame)} (${urlOf(frame)}:${frame.location.lineNumber + 1})`),
  }
}

function nameOf({ functionName, this: receiver }: Debugger.CallFrame): string {
  const name = functionName || 'an anonymous function'
  const { className } = receiver
  return className === undefined || className === 'Object' || name.includes('.') ? name : `${className}.${name}`
}
