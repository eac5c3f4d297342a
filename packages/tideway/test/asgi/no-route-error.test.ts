import { httpStatusOf, NoRouteError } from 'tideway/asgi'
import { TidewayError } from '../../src/errors/tideway-error.ts'
import { describe, expect, it } from 'vitest'

describe('NoRouteError', () => {
  it('is a TidewayError with code, path and the status that the server answers with', () => {
    const error = new NoRouteError('/a/b')
    expect(error).toBeInstanceOf(TidewayError)
    expect(error).toMatchObject({ name: 'NoRouteError', code: 'ERR_NO_ROUTE', path: '/a/b' })
    expect(error.message).toBe('No route matches the path "/a/b".')
    expect(httpStatusOf(error)).toBe(404)
  })

  it('accepts a message of the application', () => {
    expect(new NoRouteError('/rooms/7', 'There is no room 7.').message).toBe('There is no room 7.')
  })

  it('writes any path on one line', () => {
    expect(new NoRouteError('/a\r\nb\u001b').message).toBe(String.raw`No route matches the path "/a\r\nb\u001b".`)
  })
})
