/** What a parameter of a path pattern may be, as in Django's `<int:id>`. */
export type ConverterName = 'int' | 'str' | 'slug' | 'uuid' | 'path'

/** The texts that a parameter matches, and the values that they become. None matches the empty text. */
export interface Converter {
  /** Whether a text may have this UTF-16 unit. */
  readonly takes: (unit: number) => boolean
  /** What a text must look like besides, and its length, where all have the same. */
  readonly shape?: { readonly length: number; readonly regexp: RegExp }
  /** The value for the kwargs; `undefined` when the text stands for none, so that the route does not match. */
  readonly read: (text: string) => string | number | undefined
  /** The converters that match nothing but what this one matches too. */
  readonly includes: readonly ConverterName[]
}

const asText = (text: string): string => text

/** A number that is not exact would be another resource's: it is no match. */
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

/** The converters by name: Django's five, which match the same texts there (django.urls.converters). */
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

/** Whether the name is that of a converter. */
export function isConverterName(name: string): name is ConverterName {
  return Object.hasOwn(converters, name)
}
