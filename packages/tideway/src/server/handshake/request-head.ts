import { IncomingMessage } from 'node:http'

/** What is read of a request before it is anybody's: of Node's own, or of a handshake that was read without Node's parser. */
export type RequestHead = Pick<IncomingMessage, 'method' | 'url' | 'httpVersion' | 'headers' | 'rawHeaders' | 'socket'>

/** Node's own way to give a message its fields: `headers` is made of them when it is asked for. */
interface WithHeaderLines {
  _addHeaderLines(rawHeaders: readonly string[], length: number): void
}

/** The same as Node's own object, for those who are promised one. */
export function messageOf(head: RequestHead): IncomingMessage {
  if (head instanceof IncomingMessage) return head
  const message = new IncomingMessage(head.socket)
  const { method, url } = head
  Object.assign(message, { method, url, httpVersion: '1.1', httpVersionMajor: 1, httpVersionMinor: 1, upgrade: true })
  const { _addHeaderLines: addHeaderLines } = message as unknown as WithHeaderLines
  addHeaderLines.call(message, head.rawHeaders, head.rawHeaders.length)
  // Not before: Node would take them for trailers.
  message.complete = true
  return message
}
