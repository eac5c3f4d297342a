import { describe, expect, it } from 'vitest'
import { hiddenField } from '../../src/errors/hidden-field.ts'

describe('hiddenField()', () => {
  it('keeps one value per owner and field, the last one', () => {
    const [names, ages] = [hiddenField<object, string>(), hiddenField<object, number>()]
    const [anna, jun] = [(): void => {}, {}]
    names.set(anna, 'Anna')
    names.set(jun, 'Jun')
    ages.set(anna, 30)
    names.set(anna, 'Anna Maria')
    expect([names.get(anna), names.get(jun), ages.get(anna), ages.get(jun)]).toEqual([
      'Anna Maria',
      'Jun',
      30,
      undefined,
    ])
  })

  it('is not seen on the owner, and not had by a proxy, a copy or an heir of it', () => {
    const names = hiddenField<object, string>()
    const owner = { a: 1 }
    names.set(owner, 'Anna')
    expect(Reflect.ownKeys(owner)).toEqual(['a'])
    for (const other of [new Proxy(owner, {}), { ...owner }, structuredClone(owner), Object.create(owner) as object]) {
      expect(names.get(other)).toBeUndefined()
    }
    const proxy = new Proxy(owner, {})
    names.set(proxy, 'Jun')
    expect([names.get(proxy), names.get(owner)]).toEqual(['Jun', 'Anna'])
  })

  it('has no value of what is not an object', () => {
    const names = hiddenField<object, string>()
    for (const other of [undefined, null, 1, 'text', Symbol('a'), 1n]) expect(names.get(other)).toBeUndefined()
  })

  it('has values of frozen owners', () => {
    const names = hiddenField<object, string>()
    const [anna, jun] = [Object.freeze({}), Object.freeze({})]
    names.set(anna, 'Anna')
    names.set(jun, 'Jun')
    names.set(anna, 'Anna Maria')
    expect([names.get(anna), names.get(jun), names.get(Object.freeze({}))]).toEqual(['Anna Maria', 'Jun', undefined])
  })
})
