import type { Application, ChannelScope } from 'tideway/asgi'
import { channelNameRouter, protocolTypeRouter } from 'tideway/routing'
import { describe, expect, expectTypeOf, it } from 'vitest'

import { call, Calls, channelScope, httpScope } from './connections.ts'

describe('channelNameRouter', () => {
  it('calls the application of the channel in the scope, with that scope', async () => {
    const calls = new Calls()
    const router = channelNameRouter({ test: calls.app('test'), 'other-test': calls.app('other test') })
    const scope = channelScope('test')
    await call(router, scope)
    expect(calls.lastScope).toBe(scope)
    await call(router, channelScope('other-test'))
    expect(calls.names).toEqual(['test', 'other test'])
  })

  it('rejects a channel without an application, and names the channel and those that have one', async () => {
    const router = channelNameRouter({ thumbnails: new Calls().app('thumbnails') })
    await expect(call(router, channelScope('chat'))).rejects.toMatchObject({
      code: 'ERR_NO_APPLICATION',
      message: expect.stringMatching(/the channel "chat": channelNameRouter has thumbnails\./) as string,
    })
    await expect(call(channelNameRouter({}), channelScope('chat'))).rejects.toThrow('channelNameRouter has nothing.')
    await expect(call(router, channelScope('constructor'))).rejects.toMatchObject({ code: 'ERR_NO_APPLICATION' })
  })

  it('rejects a scope without a channel, and names the place for the router', async () => {
    const router = channelNameRouter({ thumbnails: new Calls().app('thumbnails') }) as Application
    await expect(call(router, httpScope('/'))).rejects.toMatchObject({
      code: 'ERR_NO_APPLICATION',
      message: expect.stringContaining('give the router to protocolTypeRouter, as its "channel"') as string,
    })
  })

  it('throws for a value that is not an application', () => {
    expect(() => channelNameRouter({ thumbnails: undefined as unknown as Application })).toThrow(
      expect.objectContaining({ code: 'ERR_BAD_ROUTE' }),
    )
  })

  it('has the type of an application of the channel scope that needs what its applications need', () => {
    const plain: Application<ChannelScope> = () => Promise.resolve()
    const needsMore: Application<ChannelScope & { readonly tenant: string }> = () => Promise.resolve()
    expectTypeOf(channelNameRouter({ plain })).toEqualTypeOf<Application<ChannelScope>>()
    protocolTypeRouter({ channel: channelNameRouter({ plain }) })
    // @ts-expect-error: nothing puts the tenant in
    protocolTypeRouter({ channel: channelNameRouter({ plain, needsMore }) })
  })
})
