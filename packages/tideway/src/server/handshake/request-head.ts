import { IncomingMessage } from 'node:http'

/** The head of a request: Node's own object, or the head of a handshake that was parsed without Node's parser. */
export type RequestHead = Pick<IncomingMessage, 'method' | 'url' | 'httpVersion' | 'headers' | 'rawHeaders' | 'socket'>

/** Node's internal method that sets the raw headers of a message. Node parses them when `headers` is read. */
interface WithHeaderLines {
  _addHeaderLines(rawHeaders: readonly string[], length: number): void
}

/** Returns the head as a request object of Node, for public interfaces that promise one. */
export function messageOf(head: RequestHead): IncomingMessage {
  if (head instanceof IncomingMessage) return head
  const message = new IncomingMessage(head.socket)
  const { method, url } = head
  Object.assign(message, { method, url, httpVersion: '1.1', httpVersionMajor: 1, httpVersionMinor: 1, upgrade: true })
  const { _addHeaderLines: addHeaderLines } = message as unknown as WithHeaderLines
  addHeaderLines.call(message, head.rawHeaders, head.rawHeaders.length)
  // Set last: Node would store the headers of a complete message as trailers.
  message.complete = true
  return message
}
