/** One function on the stack of the main thread. */
export interface StackFrame {
  /** Such as `ChatConsumer.receive`. */
  readonly name: string
  readonly url: string
  /** Counted from 1. */
  readonly line: number
}

/** What blocked an event loop, as far as its stack shows. */
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
 * The function of the application that a stack leads to. Frames of Node, of packages and of tideway are never the culprit: the
 * application cannot move them to a thread.
 * @param frames innermost first
 * @param ownCode the folder of tideway's own modules
 */
export function culpritOf(frames: readonly StackFrame[], ownCode: string): Culprit {
  const isOfApplication = ({ url }: StackFrame): boolean =>
    url !== '' && !/^node:|^evalmachine|\/node_modules\//.test(url) && !url.includes(ownCode)
  // The outermost is the handler itself: tideway calls it, and it calls everything else.
  const culprit = frames.findLast(isOfApplication)
  if (culprit === undefined) return unseen
  const inner = frames.slice(0, frames.indexOf(culprit)).filter(({ url }) => !url.startsWith('node:'))
  return {
    culprit: culprit.name,
    location: placeOf(culprit),
    stack: inner.map((frame) => `${frame.name} (${placeOf(frame)})`),
  }
}

function placeOf({ url, line }: StackFrame): string {
  return `${url}:${line}`
}
