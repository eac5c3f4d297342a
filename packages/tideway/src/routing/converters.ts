/** The type of a parameter in a path pattern, as in Django's `<int:id>`. */
export type ConverterName = 'int' | 'str' | 'slug' | 'uuid' | 'path'

/** Defines which texts a parameter matches, and converts them. No converter matches the empty text. */
export interface Converter {
  /** Whether a text may contain this UTF-16 unit. */
  readonly takes: (unit: number) => boolean
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

const isDigit = (unit: number): boolean => unit >= 0x30 && unit <= 0x39
const isLower = (unit: number): boolean => unit >= 0x61 && unit <= 0x7a
const isUpper = (unit: number): boolean => unit >= 0x41 && unit <= 0x5a
const SLASH = 0x2f
const HYPHEN = 0x2d
const UNDERSCORE = 0x5f

function isSlugUnit(unit: number): boolean {
  return isLower(unit) || isDigit(unit) || isUpper(unit) || unit === HYPHEN || unit === UNDERSCORE
}

/** The converters by name: the five of `django.urls.converters`, which match the same texts. */
export const converters: Readonly<Record<ConverterName, Converter>> = {
  int: { takes: isDigit, read: asInteger, includes: ['int'] },
  str: { takes: (unit) => unit !== SLASH, read: asText, includes: ['str', 'slug', 'int', 'uuid'] },
  slug: { takes: isSlugUnit, read: asText, includes: ['slug', 'int', 'uuid'] },
  uuid: {
    takes: isSlugUnit,
    shape: { length: 36, regexp: /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/ },
    read: asText,
    includes: ['uuid'],
  },
  path: { takes: () => true, read: asText, includes: ['path', 'str', 'slug', 'int', 'uuid'] },
}

/** Whether a converter has this name. */
export function isConverterName(name: string): name is ConverterName {
  return Object.hasOwn(converters, name)
}
