/** One function on the stack of the main thread. */
export interface StackFrame {
  /** Such as `ChatConsumer.receive`. */
  readonly name: string
  readonly url: string
  /** Counted from 1. */
  readonly line: number
}

/** The function that blocked an event loop, as far as the stack shows it. */
export interface Culprit {
  /** A function of the application, such as `ChatConsumer.onChatMessage`; `undefined` if none is on the stack. */
  readonly culprit: string | undefined
  /** The URL and the line of that function, as Node runs it. */
  readonly location: string | undefined
  /** The functions that it called, innermost first. */
  readonly stack: readonly string[]
}

/** A stack that names no function of the application. */
export const unseen: Culprit = Object.freeze({ culprit: undefined, location: undefined, stack: [] })

/**
 * Finds the function of the application on a stack. Frames of Node, of packages and of tideway are never the culprit: the
 * application cannot move them to a thread.
 * @param frames innermost first
 * @param ownCode the folder of tideway's own modules
 */
export function culpritOf(frames: readonly StackFrame[], ownCode: string): Culprit {
  const isOfApplication = ({ url }: StackFrame): boolean =>
    url !== '' && !/^node:|^evalmachine|\/node_modules\//.test(url) && !url.includes(ownCode)
  // The outermost one is the handler that tideway called.
  const culprit = frames.findLast(isOfApplication)
  if (culprit === undefined) return unseen
  const inner = frames.slice(0, frames.indexOf(culprit)).filter(({ url }) => !url.startsWith('node:'))
  return {
    culprit: culprit.name,
    location: locationOf(culprit),
    stack: inner.map((frame) => `${frame.name} (${locationOf(frame)})`),
  }
}

function locationOf({ url, line }: StackFrame): string {
  return `${url}:${line}`
}
