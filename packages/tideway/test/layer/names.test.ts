import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { groupName, InMemoryChannelLayer, isChannelName, isGroupName } from 'tideway/layer'
import { MAX_NAME_LENGTH, nonLocalName, requireChannelName, requireGroupName } from 'tideway/layer/kit'

const plain = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.'
const word = (constraints: { minLength: number; maxLength: number }): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(...plain.split('')), ...constraints })
const anything = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: fc.constantFrom('a', '!', '\n', 'é', '٣') }))

describe('group names', () => {
  it('have 1 to 100 of the allowed characters', () => {
    fc.assert(
      fc.property(word({ minLength: 1, maxLength: 100 }), (name) => {
        expect(isGroupName(name)).toBe(true)
      }),
    )
    expect(MAX_NAME_LENGTH).toBe(100)
    expect(isGroupName('a'.repeat(100))).toBe(true)
    expect(isGroupName('a'.repeat(101))).toBe(false)
    expect(isGroupName('')).toBe(false)
  })

  it('contain no other character', () => {
    fc.assert(
      fc.property(anything, (name) => {
        const wanted = name.length >= 1 && name.length <= 100 && name.split('').every((one) => plain.includes(one))
        expect(isGroupName(name)).toBe(wanted)
      }),
    )
  })
})

describe('channel names', () => {
  it('follow the rule of group names, with at most one "!" that is not first', () => {
    fc.assert(
      fc.property(word({ minLength: 1, maxLength: 50 }), word({ minLength: 0, maxLength: 49 }), (process, local) => {
        expect(isChannelName(process)).toBe(true)
        expect(isChannelName(`${process}!${local}`)).toBe(true)
        expect(isChannelName(`!${process}`)).toBe(false)
        expect(isChannelName(`${process}!${local}!`)).toBe(false)
        expect(nonLocalName(`${process}!${local}`)).toBe(`${process}!`)
        expect(nonLocalName(process)).toBe(process)
      }),
    )
  })

  it('contain no other character', () => {
    fc.assert(
      fc.property(anything, (name) => {
        const allowed = name.split('').every((one) => plain.includes(one) || one === '!')
        const marks = name.split('!').length - 1
        const wanted = name.length >= 1 && name.length <= 100 && allowed && marks <= 1 && !name.startsWith('!')
        expect(isChannelName(name)).toBe(wanted)
      }),
    )
  })

  it('have at most 100 characters, including the "!" and the part after it', () => {
    expect(isChannelName(`${'a'.repeat(50)}!${'b'.repeat(49)}`)).toBe(true)
    expect(isChannelName(`${'a'.repeat(50)}!${'b'.repeat(50)}`)).toBe(false)
  })
})

describe('the error of a bad name', () => {
  it('names the kind of the name, shows it, and states the rule', () => {
    expect(() => requireGroupName('a b')).toThrow(
      'Group name "a b" must be a string of 1 to 100 ASCII letters, digits, hyphens, underscores or periods: ' +
        "groupName('chat', room) makes one of any text.",
    )
    expect(() => requireChannelName('a\n')).toThrow(
      'Channel name "a\\n" must be a string of 1 to 100 ASCII letters, digits, hyphens, underscores or periods, with at most one "!" after the first character.',
    )
    expect(() => requireChannelName(undefined)).toThrow('Channel name undefined must be')
  })

  it('shows only the beginning of a long name', () => {
    expect(() => requireGroupName('a'.repeat(100_000))).toThrow(`Group name "${'a'.repeat(101)}" must`)
  })
})

describe('newChannel', () => {
  it('returns names that are valid with any prefix that leaves room, and that no other layer returns', () => {
    const made = new Set<string>()
    let count = 0
    fc.assert(
      fc.property(word({ minLength: 1, maxLength: 60 }), (prefix) => {
        const name = new InMemoryChannelLayer().newChannel(prefix)
        expect(isChannelName(name)).toBe(true)
        expect(name.startsWith(`${prefix}.`)).toBe(true)
        made.add(name)
        expect(made.size).toBe(++count)
      }),
    )
  })
})

describe('groupName', () => {
  it.each([
    [['chat', 'lobby'], 'chat.lobby'],
    [['chat', 5], 'chat.5'],
    [['a_b', 'c.d'], 'a_5fb.c_2ed'],
    [['chat', '한국'], 'chat._ed_95_9c_ea_b5_ad'],
    [['chat', ''], 'chat._-'],
    [['\ud800'], '_ud800'],
    [['x'.repeat(200)], `${'x'.repeat(54)}..`],
  ] as const)('encodes %j as a name that begins with %j', (parts, name) => {
    expect(groupName(...(parts as unknown as [string])).startsWith(name)).toBe(true)
  })

  const part = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string(),
    fc.string({ unit: fc.constantFrom('.', '_', '-', 'e', '\ud800', '\ufffd') }),
    fc.string({ minLength: 60, maxLength: 300 }),
  )
  const parts = fc.array(part, { minLength: 1, maxLength: 4 })

  it('returns a valid name for any text', () => {
    fc.assert(
      fc.property(parts, (texts) => {
        const name = groupName(...(texts as [string]))
        expect(isGroupName(name)).toBe(true)
        // Django's limit.
        expect(name.length).toBeLessThan(100)
      }),
    )
  })

  it('returns different names for different parts', () => {
    fc.assert(
      fc.property(parts, parts, (one, other) => {
        const areSame = JSON.stringify(one) === JSON.stringify(other)
        expect(groupName(...(one as [string])) === groupName(...(other as [string]))).toBe(areSame)
      }),
    )
  })

  it('rejects a value that is not text, and no arguments', () => {
    for (const wrong of [[undefined], [null], [{}], [['a']], []]) {
      expect(() => groupName(...(wrong as unknown as [string]))).toThrow(
        expect.objectContaining({ code: 'ERR_BAD_NAME' }),
      )
    }
  })
})
