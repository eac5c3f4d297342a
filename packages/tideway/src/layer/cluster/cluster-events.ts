/** The events of a cluster layer, for `on`. */
export interface ClusterLayerEvents {
  /** The hub has ended, or its connection. The layer reconnects, or becomes the hub. */
  readonly disconnected: { readonly host: string; readonly error: Error | undefined }
  /** The layer has a hub again. */
  readonly reconnected: { readonly host: string; readonly gap: boolean; readonly downMs: number }
  /**
   * Members of the groups in this process have missed messages, or may have missed some: reload their state. `disconnected`: the hub was
   * away. `dropped`: a queue was full, of this process or of another one.
   */
  readonly gap: {
    readonly host: string
    readonly groups: readonly string[]
    readonly reason: 'disconnected' | 'dropped'
  }
  /** The log of a kept group that this process follows cannot be read. Its followers wait, and the layer reads it again. */
  readonly readFailed: { readonly group: string; readonly error: unknown }
  /** A receiver threw, against its contract. Without a listener, the layer emits a process warning. */
  readonly receiverFailed: { readonly error: unknown }
}

/** A listener for `on` and `off` of a cluster layer. */
export type ClusterLayerListener<Name extends keyof ClusterLayerEvents> = (event: ClusterLayerEvents[Name]) => void
