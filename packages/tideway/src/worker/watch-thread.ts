/** A thread that detects when the event loop of the main thread does not turn, and reads its stack with the inspector. */
import { Session, type Debugger } from 'node:inspector'
import { parentPort, workerData } from 'node:worker_threads'
import { processorWait } from './processor-wait.ts'
import { culpritOf, unseen, type Culprit } from './stall-culprit.ts'
import { StallDetector } from './stall-detector.ts'
import { BEAT_MS, type Stall, type WatchSettings } from './watch-protocol.ts'

const { beats, thresholdMs, ownCode } = workerData as WatchSettings

const detector = new StallDetector(thresholdMs)
const waitedMs = processorWait()
let sighting: Culprit = unseen

setInterval(() => {
  const change = detector.add({ nowMs: performance.now(), beat: Atomics.load(beats, 0), waitedMs: waitedMs() })
  if (change === 'begun') {
    sighting = unseen
    readStack()
  } else if (change !== undefined) report({ ...sighting, blockedMs: change.endedAfterMs })
}, BEAT_MS)

report('watching')

function report(stall: Stall | 'watching'): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- that is an argument of a browser's window
  parentPort?.postMessage(stall)
}

/** Pauses the main thread at its next statement, reads its stack, and resumes it. */
function readStack(): void {
  const session = new Session()
  const urls = new Map<string, string>()
  session.connectToMainThread()
  session.on('Debugger.scriptParsed', ({ params }) => urls.set(params.scriptId, params.url))
  session.on('Debugger.paused', ({ params }) => {
    const frames = params.callFrames.map((frame) => ({
      name: nameOf(frame),
      url: urls.get(frame.location.scriptId) ?? frame.url,
      line: frame.location.lineNumber + 1,
    }))
    sighting = culpritOf(frames, ownCode)
    session.post('Debugger.resume', () => session.disconnect())
  })
  session.post('Debugger.enable')
  session.post('Debugger.pause')
}

function nameOf({ functionName, this: receiver }: Debugger.CallFrame): string {
  const name = functionName || 'an anonymous function'
  const { className } = receiver
  return className === undefined || className === 'Object' || name.includes('.') ? name : `${className}.${name}`
}
