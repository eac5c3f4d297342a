/** One event of a stream: the type is empty for a message. */
export interface StreamEvent {
  readonly type: string
  readonly data: string
}

/**
 * Creates a parser of `text/event-stream` (WHATWG HTML §9.2) for the fields that the server sends. The returned function takes the
 * next piece of text and returns the events that it completes. Comments are no events.
 */
export function createEventParser(): (text: string) => StreamEvent[] {
  let rest = ''
  return (text) => {
    // A blank line ends an event. The search begins in the new text, so that a large event in many pieces is searched once.
    const from = Math.max(0, rest.length - 3)
    rest += text
    const events: StreamEvent[] = []
    const blankLine = /\r?\n\r?\n/g
    blankLine.lastIndex = from
    let start = 0
    for (let end = blankLine.exec(rest); end; end = blankLine.exec(rest)) {
      const event = parseEvent(rest.slice(start, end.index))
      if (event) events.push(event)
      start = blankLine.lastIndex
    }
    rest = rest.slice(start)
    return events
  }
}

function parseEvent(block: string): StreamEvent | undefined {
  let type = ''
  const data: string[] = []
  for (const line of block.split(/\r?\n/)) {
    if (line.startsWith('data:')) data.push(line.slice(line[5] === ' ' ? 6 : 5))
    else if (line.startsWith('event:')) type = line.slice(6).trim()
  }
  return data.length > 0 ? { type, data: data.join('\n') } : undefined
}
