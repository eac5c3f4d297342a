/** The lifespan events that an application receives. */
export type LifespanReceiveEvent = { readonly type: 'lifespan.startup' } | { readonly type: 'lifespan.shutdown' }

/** The lifespan events that an application sends. A failed startup ends the process with the message. */
export type LifespanSendEvent =
  | { readonly type: 'lifespan.startup.complete' }
  | { readonly type: 'lifespan.startup.failed'; readonly message?: string }
  | { readonly type: 'lifespan.shutdown.complete' }
  | { readonly type: 'lifespan.shutdown.failed'; readonly message?: string }
