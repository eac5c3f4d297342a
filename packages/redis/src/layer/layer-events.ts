import { LayerEvents as Events } from 'tideway/layer/kit'

/** The events of a Redis layer, for `on`. */
export interface RedisLayerEvents {
  /** A host can no longer be reached. The layer reconnects. */
  readonly disconnected: { readonly host: string; readonly error: Error | undefined }
  /**
   * The host is reachable again, and all subscriptions are restored. `gap` is true if this process may have missed or
   * dropped messages while the host was unreachable.
   */
  readonly reconnected: { readonly host: string; readonly gap: boolean; readonly downMs: number }
  /**
   * Members of the groups in this process missed messages or may have missed some: reload their state. The layer reports
   * every loss by this event, also if no connection of this process was lost. Losses within 100 ms are one event.
   */
  readonly gap: {
    readonly host: string
    /** The affected groups of this process. */
    readonly groups: readonly string[]
    /**
     * `disconnected`: the receiving connection was lost, so messages to single channels may be missing too.
     * `removed`: the process was silent for longer than its lease or `expiry`, or Redis lost its memberships; messages to
     * single channels may be missing too. `dropped`: a process dropped messages to the groups, because it could not reach
     * Redis or because the queue of this process was full.
     */
    readonly reason: 'disconnected' | 'removed' | 'dropped'
  }
  /** A message was dropped because it could not be decoded: another serializer, another key, or not a message. */
  readonly malformed: { readonly channel: string; readonly error: Error }
  /**
   * The log of a kept group that this process follows cannot be read. Its followers wait, and the layer reads it again. Emitted once
   * per group and minute, for at most 100 groups.
   */
  readonly readFailed: { readonly group: string; readonly error: unknown }
  /** A receiver threw, against its contract. Without a listener, the layer emits a process warning. */
  readonly receiverFailed: { readonly error: unknown }
}

/** A listener for `on` and `off` of a Redis layer. */
export type RedisLayerListener<Name extends keyof RedisLayerEvents> = (event: RedisLayerEvents[Name]) => void

/** The listeners of a Redis layer. */
export class LayerEvents extends Events<RedisLayerEvents> {}
