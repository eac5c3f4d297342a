import type { Duplex } from 'node:stream'
import { cut } from '../transport/cut.ts'
import type { HandshakeAnswers, HandshakeProblem } from './handshake-result.ts'

/** Refused handshakes whose peer has not hung up yet. */
export class RefusedHandshakes {
  readonly #timeoutMs: number
  readonly #transports = new Set<Duplex>()

  /** @param timeoutMs how long a peer may take to hang up: as long as to answer a close frame */
  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs
  }

  /** Answers a handshake that never becomes a connection, and hangs up. */
  refuse(transport: Duplex, answers: HandshakeAnswers, problem: HandshakeProblem, hasBody: boolean): void {
    this.hangUpAfter(transport, () => answers.denyPlainly(transport, problem, hasBody))
  }

  /**
   * Hangs up behind an answer. What the peer still sends is read and thrown away: unread bytes would turn the answer into a
   * reset.
   */
  hangUpAfter(transport: Duplex, answer: () => void): void {
    const timer = setTimeout(() => cut(transport), this.#timeoutMs).unref()
    this.#transports.add(transport)
    // The peer may be gone already: there is nobody to tell.
    transport.on('error', ignore).once('close', () => {
      clearTimeout(timer)
      this.#transports.delete(transport)
    })
    answer()
    transport.end()
    transport.resume()
  }

  /** Cuts those that are still there. */
  cut(): void {
    for (const transport of this.#transports) cut(transport)
  }
}

function ignore(): void {}
