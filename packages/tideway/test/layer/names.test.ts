import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  InMemoryChannelLayer,
  isChannelName,
  isGroupName,
  MAX_NAME_LENGTH,
  nonLocalName,
  requireChannelName,
  requireGroupName,
} from 'tideway/layer'

const plain = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.'
const word = (constraints: { minLength: number; maxLength: number }): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(...plain.split('')), ...constraints })
const anything = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: fc.constantFrom('a', '!', '\n', 'é', '٣') }))

describe('names of groups', () => {
  it('are 1 to 100 of the allowed characters', () => {
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

  it('hold no other character', () => {
    fc.assert(
      fc.property(anything, (name) => {
        const wanted = name.length >= 1 && name.length <= 100 && name.split('').every((one) => plain.includes(one))
        expect(isGroupName(name)).toBe(wanted)
      }),
    )
  })
})

describe('names of channels', () => {
  it('are like those of groups, with at most one "!" that is not first', () => {
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

  it('hold no other character', () => {
    fc.assert(
      fc.property(anything, (name) => {
        const allowed = name.split('').every((one) => plain.includes(one) || one === '!')
        const marks = name.split('!').length - 1
        const wanted = name.length >= 1 && name.length <= 100 && allowed && marks <= 1 && !name.startsWith('!')
        expect(isChannelName(name)).toBe(wanted)
      }),
    )
  })

  it('are 100 characters at most, the "!" and what follows it included', () => {
    expect(isChannelName(`${'a'.repeat(50)}!${'b'.repeat(49)}`)).toBe(true)
    expect(isChannelName(`${'a'.repeat(50)}!${'b'.repeat(50)}`)).toBe(false)
  })
})

describe('the error of a bad name', () => {
  it('says which kind of name it is, shows it, and states the rule', () => {
    expect(() => requireGroupName('a b')).toThrow(
      'Group name "a b" must be a string of 1 to 100 ASCII letters, digits, hyphens, underscores or periods.',
    )
    expect(() => requireChannelName('a\n')).toThrow(
      'Channel name "a\\n" must be a string of 1 to 100 ASCII letters, digits, hyphens, underscores or periods, with at most one "!" after the first character.',
    )
    expect(() => requireChannelName(undefined)).toThrow('Channel name undefined must be')
  })

  it('shows no more of a long name than it takes to see that it is too long', () => {
    expect(() => requireGroupName('a'.repeat(100_000))).toThrow(`Group name "${'a'.repeat(101)}" must`)
  })
})

describe('newChannel', () => {
  it('makes names that are valid with any prefix that leaves room, and that no other layer makes', () => {
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
