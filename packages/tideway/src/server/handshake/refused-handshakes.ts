import type { Duplex } from 'node:stream'
import { destroyTransport } from '../transport/destroy-transport.ts'
import type { HandshakeAnswers, HandshakeProblem } from './handshake-result.ts'

/** Refused handshakes whose connection is still open. */
export class RefusedHandshakes {
  readonly #timeoutMs: number
  readonly #transports = new Set<Duplex>()

  /** @param timeoutMs how long a peer may take to end its side: as long as it may take to answer a close frame */
  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs
  }

  /** Refuses a handshake and ends its transport. */
  refuse(transport: Duplex, answers: HandshakeAnswers, problem: HandshakeProblem, hasBody: boolean): void {
    this.endAfter(transport, () => answers.denyPlainly(transport, problem, hasBody))
  }

  /**
   * Ends the transport after an answer. It reads and discards what the peer still sends: with unread bytes the kernel would reset the
   * connection, and the client would lose the answer.
   */
  endAfter(transport: Duplex, answer: () => void): void {
    const timer = setTimeout(() => destroyTransport(transport), this.#timeoutMs).unref()
    this.#transports.add(transport)
    // The peer may have disconnected already. `close` always follows an error.
    transport.on('error', ignore).once('close', () => {
      clearTimeout(timer)
      this.#transports.delete(transport)
    })
    answer()
    transport.end()
    transport.resume()
  }

  /** Destroys those that are still open. */
  destroy(): void {
    for (const transport of this.#transports) destroyTransport(transport)
  }
}

function ignore(): void {}
