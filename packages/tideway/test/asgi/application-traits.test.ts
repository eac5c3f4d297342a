import { setTraits, traitsOf, wrapApplication, type Application } from 'tideway/asgi'
import { describe, expect, it } from 'vitest'

const application = (): Application => async () => {}

describe('wrapApplication', () => {
  it('returns the wrapper with the origin check of its inner application', () => {
    const outer = application()
    expect(wrapApplication(setTraits(application(), { checksOrigin: true }), outer)).toBe(outer)
    expect(traitsOf(outer).checksOrigin).toBe(true)
    expect(traitsOf(wrapApplication(application(), application())).checksOrigin).not.toBe(true)
  })

  it('does not pass on a Node listener or routes, because the wrapper has to be called', () => {
    const inner = setTraits(application(), { nodeListener: () => {}, routes: [] })
    expect(traitsOf(wrapApplication(inner, application()))).toEqual({ inner: [inner] })
  })
})

describe('setTraits', () => {
  it('adds to the traits that the application has', () => {
    const routes: object[] = []
    const marked = setTraits(setTraits(application(), { checksOrigin: true }), { routes })
    expect(traitsOf(marked)).toEqual({ checksOrigin: true, routes })
  })

  it('gives no trait to a proxy or a copy of the application', () => {
    const marked = setTraits(application(), { checksOrigin: true })
    expect(traitsOf(new Proxy(marked, {}))).toEqual({})
    expect(traitsOf(Object.assign(application(), marked))).toEqual({})
  })
})
