import type { WebSocketMessageSendEvent } from '../asgi/websocket-events.ts'
import type { Presence, PresenceMember } from '../layer/presence/presence.ts'
import type { EventSchemas } from './event-schemas.ts'
import type { AskedWho } from './frames.ts'
import { personOf } from './group-presence.ts'
import type { KeptGroup } from './kept-group.ts'
import type { PresenceMode, Who } from './presence-frames.ts'
import { PresenceHub, type PresenceClient } from './presence-hub.ts'
import type { PresentAs } from './present.ts'

/** The connection of a client in a group with presence. */
export interface PresenceHost {
  /** How long the person stays present after the end of the connection, if that is a poll. */
  readonly presenceLeaseMs: number | undefined
  readonly slow: Promise<void> | undefined
  sendEvent(event: WebSocketMessageSendEvent): void | Promise<void>
}

/** The presence of one client in one group: whether it is a person there, and what it gets of the others. */
export class JoinPresence implements PresenceClient {
  presenceMode: PresenceMode = 'auto'
  readonly #presence: Presence
  readonly #group: KeptGroup<EventSchemas>
  readonly #wireName: string
  readonly #host: PresenceHost
  #hub: PresenceHub | undefined
  #member: PresenceMember | undefined
  #entering: Promise<void> | undefined
  #isStarted = false
  #isOver = false

  constructor(presence: Presence, group: KeptGroup<EventSchemas>, wireName: string, host: PresenceHost) {
    this.#presence = presence
    this.#group = group
    this.#wireName = wireName
    this.#host = host
  }

  get slow(): Promise<void> | undefined {
    return this.#host.slow
  }

  get lingerMs(): number {
    return this.#host.presenceLeaseMs ?? 0
  }

  get member(): PresenceMember | undefined {
    return this.#member
  }

  /**
   * Opens the list for a client that gets it, and enters the person, if it has not entered yet.
   * @param person the answer of `present()`
   * @throws TidewayError `ERR_BAD_PRESENCE`, `ERR_LAYER_UNAVAILABLE`
   */
  async open(person: PresentAs | undefined, mode: PresenceMode | undefined): Promise<void> {
    this.stop()
    if (mode !== undefined) {
      this.presenceMode = mode
      this.#hub = PresenceHub.of(this.#presence, this.#group.name, this.#wireName)
      this.#hub.add(this)
      await this.#hub.opened()
    }
    if (person === undefined || this.#isOver) return
    // A client that joins again has entered, or is entering.
    this.#entering ??= this.#enter(person)
    await this.#entering
  }

  async #enter(person: PresentAs): Promise<void> {
    try {
      const member = await this.#presence.enter(this.#group.name, await personOf(this.#group, person))
      // The join has ended during the call.
      if (this.#isOver) member.leave({ isFinal: true })
      else this.#member = member
    } catch (error) {
      this.#entering = undefined
      throw error
    }
  }

  /** Begins to send changes, and returns the people before the first one; `undefined` for a client that gets nothing. */
  start(): Who | undefined {
    this.#isStarted = true
    return this.#hub?.who(this.presenceMode)
  }

  /** Ends sending changes. */
  stop(): void {
    this.#isStarted = false
    this.#hub?.remove(this)
    this.#hub = undefined
  }

  /** @param isFinal whether the person leaves at once: it has left the group, and is not expected to return */
  end(isFinal: boolean): void {
    this.#isOver = true
    this.stop()
    this.#member?.leave({ isFinal, leaseMs: this.#host.presenceLeaseMs })
    this.#member = undefined
  }

  sendPresence(frame: WebSocketMessageSendEvent): void {
    if (this.#isStarted) void this.#host.sendEvent(frame)
  }
}

/** What the client gets: what it asks for, as far as `authorize()` allows it; `undefined` for nothing. */
export function modeOf(allowed: 'count' | false | undefined, asked: AskedWho): PresenceMode | undefined {
  if (allowed === false || asked === false) return undefined
  if (allowed === 'count' || asked === 'count') return 'count'
  return asked === 'list' ? 'list' : 'auto'
}
