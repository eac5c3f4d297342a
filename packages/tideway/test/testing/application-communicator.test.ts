import { asgiVersions, type Application, type ChannelScope } from 'tideway/asgi'
import { ApplicationCommunicator } from 'tideway/testing'
import { afterEach, describe, expect, it, vi } from 'vitest'

type ChannelApplication = Application<ChannelScope>

const scope: ChannelScope = { asgi: asgiVersions, type: 'channel', channel: 'thumbnails' }

/** What an application for a channel may not do, and these do to have an output: send. */
type AnySend = (event: { readonly type: string }) => void | Promise<void>

/** An application that answers each event with one of the type `re-…`, until it is told to stop. */
const answering: ChannelApplication = async (_scope, receive, send) => {
  for (;;) {
    const { type } = await receive()
    if (type === 'stop') return
    if (type === 'fail') throw new TypeError('it went wrong')
    await (send as AnySend)({ type: `re-${type}` })
  }
}

describe('ApplicationCommunicator', () => {
  afterEach(() => {
    vi.useRealTimers()
  })

  it('passes the scope and the events to the application, and returns its events in order', async () => {
    const communicator = new ApplicationCommunicator(answering, scope)
    communicator.sendInput({ type: 'a' })
    communicator.sendInput({ type: 'b' })
    expect(await communicator.receiveOutput()).toEqual({ type: 're-a' })
    expect(await communicator.receiveOutput()).toEqual({ type: 're-b' })
    expect(communicator.scope).toBe(scope)
    communicator.sendInput({ type: 'stop' })
    await communicator.wait()
  })

  it('does not start the application before the first call', async () => {
    let started = 0
    const communicator = new ApplicationCommunicator<ChannelScope>(async () => {
      started++
    }, scope)
    expect(started).toBe(0)
    await communicator.wait()
    expect(started).toBe(1)
  })

  it('reports at a timeout the expected event, the sent events, and that the application waits for an event', async () => {
    const communicator = new ApplicationCommunicator(answering, scope)
    communicator.sendInput({ type: 'a' })
    await communicator.receiveOutput()
    await expect(communicator.receiveOutput(5)).rejects.toMatchObject({
      code: 'ERR_TEST_TIMEOUT',
      message: 'Waited 5 ms for an event: the application has sent re-a and waits for its next event.',
    })
  })

  it('reports at a timeout that the application is busy', async () => {
    const communicator = new ApplicationCommunicator<ChannelScope>(() => new Promise(() => {}), scope)
    communicator.sendInput({ type: 'a' })
    await expect(communicator.receiveOutput(5)).rejects.toThrow(
      'the application has sent nothing and is busy: it does not wait for an event.',
    )
    await expect(communicator.wait(5)).rejects.toThrow('Waited 5 ms for the application to end')
  })

  it('keeps the application running after a timeout, and a late event for the next call', async () => {
    let answer!: () => void
    const application: ChannelApplication = async (_scope, _receive, send) => {
      await new Promise<void>((resolve) => {
        answer = resolve
      })
      await (send as AnySend)({ type: 'late' })
    }
    const communicator = new ApplicationCommunicator(application, scope)
    await expect(communicator.receiveOutput(5)).rejects.toMatchObject({ code: 'ERR_TEST_TIMEOUT' })
    answer()
    await communicator.wait()
    expect(await communicator.receiveOutput()).toEqual({ type: 'late' })
  })

  it('resolves two concurrent calls in their order', async () => {
    const communicator = new ApplicationCommunicator(answering, scope)
    const both = Promise.all([communicator.receiveOutput(), communicator.receiveOutput()])
    communicator.sendInput({ type: 'a' })
    communicator.sendInput({ type: 'b' })
    expect(await both).toEqual([{ type: 're-a' }, { type: 're-b' }])
  })

  it('rejects a waiting call when the application ends, with its end', async () => {
    const communicator = new ApplicationCommunicator(answering, scope)
    const output = communicator.receiveOutput(60_000)
    communicator.sendInput({ type: 'stop' })
    await expect(output).rejects.toMatchObject({
      code: 'ERR_TEST_EXPECTATION',
      message: 'Expected an event, but the application has sent nothing and has returned.',
    })
  })

  it('rejects the next call after a throw of the application, with the error as the cause', async () => {
    const communicator = new ApplicationCommunicator(answering, scope)
    communicator.sendInput({ type: 'a' })
    communicator.sendInput({ type: 'fail' })
    // The earlier events come first.
    expect(await communicator.receiveOutput()).toEqual({ type: 're-a' })
    await expect(communicator.receiveOutput(60_000)).rejects.toMatchObject({
      code: 'ERR_TEST_EXPECTATION',
      message: 'Expected an event, but the application threw: TypeError: it went wrong',
      cause: new TypeError('it went wrong'),
    })
    await expect(communicator.receiveNothing()).rejects.toThrow('Expected nothing, but the application threw')
    expect(() => communicator.sendInput({ type: 'a' })).toThrow(
      'Wanted to give it a, but the application threw: TypeError: it went wrong',
    )
  })

  it('rejects wait() with the error that the application threw', async () => {
    const error = new Error('mine')
    const communicator = new ApplicationCommunicator<ChannelScope>(() => {
      throw error
    }, scope)
    await expect(communicator.wait()).rejects.toBe(error)
  })

  it('rejects an event for an application that has returned', async () => {
    const communicator = new ApplicationCommunicator(answering, scope)
    communicator.sendInput({ type: 'stop' })
    await communicator.wait()
    expect(() => communicator.sendInput({ type: 'a' })).toThrow('Wanted to give it a, but the application has sent')
  })

  it('resolves receiveNothing() with true without an event, and removes none', async () => {
    const communicator = new ApplicationCommunicator(answering, scope)
    expect(await communicator.receiveNothing(5)).toBe(true)
    const silence = communicator.receiveNothing(60_000)
    communicator.sendInput({ type: 'a' })
    expect(await silence).toBe(false)
    expect(await communicator.receiveNothing()).toBe(false)
    expect(await communicator.receiveOutput()).toEqual({ type: 're-a' })
  })

  it('rejects expectNothing() with the event that comes, and keeps it for the next call', async () => {
    const communicator = new ApplicationCommunicator(answering, scope)
    await communicator.expectNothing(5)
    const silence = communicator.expectNothing(60_000)
    communicator.sendInput({ type: 'a' })
    await expect(silence).rejects.toMatchObject({
      code: 'ERR_TEST_EXPECTATION',
      message: "Expected nothing for 60000 ms, but got { type: 're-a' }.",
    })
    expect(await communicator.receiveOutput()).toEqual({ type: 're-a' })
  })

  it('pauses an endless sender at 1000 pending events', async () => {
    let sent = 0
    const application: ChannelApplication = async (_scope, _receive, send) => {
      for (;;) {
        sent++
        await (send as AnySend)({ type: 'more' })
      }
    }
    const communicator = new ApplicationCommunicator(application, scope)
    await expect(communicator.wait(5)).rejects.toMatchObject({ code: 'ERR_TEST_TIMEOUT' })
    expect(sent).toBe(1000)
    await communicator.receiveOutput()
    await expect(communicator.wait(5)).rejects.toThrow('has sent …, more, more, more and is busy')
    expect(sent).toBe(1001)
  })

  it('waits in real time under fake timers', async () => {
    vi.useFakeTimers()
    const communicator = new ApplicationCommunicator(answering, scope)
    await expect(communicator.receiveOutput(5)).rejects.toMatchObject({ code: 'ERR_TEST_TIMEOUT' })
    expect(await communicator.receiveNothing(5)).toBe(true)
  })

  it('rejects a second receive() while the first one waits', async () => {
    const communicator = new ApplicationCommunicator<ChannelScope>(async (_scope, receive) => {
      await Promise.all([receive(), receive()])
    }, scope)
    await expect(communicator.wait()).rejects.toMatchObject({ code: 'ERR_OUT_OF_TURN' })
  })
})
