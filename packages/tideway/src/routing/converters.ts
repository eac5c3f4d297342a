/** The type of a parameter in a path pattern, as in Django's `<int:id>`. `uslug` is a slug in any language. */
export type ConverterName = 'int' | 'str' | 'slug' | 'uslug' | 'uuid' | 'path'

/** Defines which texts a parameter matches, and converts them. No converter matches the empty text. */
export interface Converter {
  /** Whether a text may contain this character. */
  readonly takes: (codePoint: number) => boolean
  /** An additional pattern for the whole text, if all texts have the same length. */
  readonly shape?: { readonly length: number; readonly regexp: RegExp }
  /** Returns the value for the kwargs, or `undefined` if the text has no value: then the route does not match. */
  readonly read: (text: string) => string | number | undefined
  /** The converters whose texts are all matched by this one. */
  readonly includes: readonly ConverterName[]
}

const asText = (text: string): string => text

/** A number that is not exact could name another resource, so it does not match. */
function asInteger(digits: string): number | undefined {
  const value = Number(digits)
  return Number.isSafeInteger(value) ? value : undefined
}

const isDigit = (code: number): boolean => code >= 0x30 && code <= 0x39
const isLower = (code: number): boolean => code >= 0x61 && code <= 0x7a
const isUpper = (code: number): boolean => code >= 0x41 && code <= 0x5a
const SLASH = 0x2f
const HYPHEN = 0x2d
const UNDERSCORE = 0x5f

function isAsciiSlug(code: number): boolean {
  return isLower(code) || isDigit(code) || isUpper(code) || code === HYPHEN || code === UNDERSCORE
}

const letterMarkOrDigit = /^[\p{L}\p{M}\p{N}]$/u

/**
 * The characters of a slug with `allow_unicode=True` in Django, and combining marks, without which words in Hindi and Thai fall
 * apart.
 */
function isUnicodeSlug(code: number): boolean {
  return isAsciiSlug(code) || (code > 0x7f && letterMarkOrDigit.test(String.fromCodePoint(code)))
}

/** The converters by name: the five of `django.urls.converters`, which match the same texts, and `uslug`. */
export const converters: Readonly<Record<ConverterName, Converter>> = {
  int: { takes: isDigit, read: asInteger, includes: ['int'] },
  str: { takes: (code) => code !== SLASH, read: asText, includes: ['str', 'uslug', 'slug', 'int', 'uuid'] },
  slug: { takes: isAsciiSlug, read: asText, includes: ['slug', 'int', 'uuid'] },
  uslug: { takes: isUnicodeSlug, read: asText, includes: ['uslug', 'slug', 'int', 'uuid'] },
  uuid: {
    takes: isAsciiSlug,
    shape: { length: 36, regexp: /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/ },
    read: asText,
    includes: ['uuid'],
  },
  path: { takes: () => true, read: asText, includes: ['path', 'str', 'uslug', 'slug', 'int', 'uuid'] },
}

/** Whether a converter has this name. */
export function isConverterName(name: string): name is ConverterName {
  return Object.hasOwn(converters, name)
}
