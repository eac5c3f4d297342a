import type { User } from '../asgi/user.ts'
import type { WebSocketScope } from '../asgi/scope.ts'
import type { ChannelLayer } from '../layer/channel-layer.ts'
import type { Authorization } from './authorization.ts'
import type { LiveGroup } from './live-settings.ts'
import type { PresentAs } from './present.ts'

/** The hooks of a live consumer, and its connection. */
export interface LiveHooks {
  readonly scope: Pick<WebSocketScope, 'onDrain' | 'extensions'> & { readonly user?: User }
  readonly channelLayer: ChannelLayer
  readonly signal: AbortSignal
  authorize(group: LiveGroup): Authorization | PromiseLike<Authorization>
  snapshot?(group: LiveGroup): unknown
  present(group: LiveGroup): PresentAs | undefined | PromiseLike<PresentAs | undefined>
  onJoin(group: LiveGroup): void | PromiseLike<void>
  onLeave(group: LiveGroup): void | PromiseLike<void>
  close(code: number, reason: string): void | Promise<void>
}
