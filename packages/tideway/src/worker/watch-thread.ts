/** Runs beside the main thread: sees when its event loop does not turn, and asks the inspector for its stack. */
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
    look()
  } else if (change !== undefined) report({ ...sighting, blockedMs: change.endedAfterMs })
}, BEAT_MS)

report('watching')

function report(stall: Stall | 'watching'): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- that is an argument of a browser's window
  parentPort?.postMessage(stall)
}

/** Halts the main thread at the next thing that it does, reads its stack, and resumes it. */
function look(): void {
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
