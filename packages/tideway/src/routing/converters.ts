/** What a parameter of a path pattern may be, as in Django's `<int:id>`. */
export type ConverterName = 'int' | 'str' | 'slug' | 'uuid' | 'path'

/** The text that a parameter matches, and the value that it becomes. */
export interface Converter {
  /** Source of a regular expression without groups. Never matches the empty text. */
  readonly source: string
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

/** The converters by name: Django's five, with its regular expressions (django.urls.converters). */
export const converters: Readonly<Record<ConverterName, Converter>> = {
  int: { source: '[0-9]+', read: asInteger, includes: ['int'] },
  str: { source: '[^/]+', read: asText, includes: ['str', 'slug', 'int', 'uuid'] },
  slug: { source: '[-a-zA-Z0-9_]+', read: asText, includes: ['slug', 'int', 'uuid'] },
  uuid: { source: '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}', read: asText, includes: ['uuid'] },
  path: { source: '[\\s\\S]+', read: asText, includes: ['path', 'str', 'slug', 'int', 'uuid'] },
}

/** Whether the name is that of a converter. */
export function isConverterName(name: string): name is ConverterName {
  return Object.hasOwn(converters, name)
}
