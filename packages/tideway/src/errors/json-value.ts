/** The deepest nesting of a value; it also refuses circles. */
const MAX_DEPTH = 100

/**
 * Returns the first part of a value that would change as JSON, as a clause; `undefined` if there is none. The value itself may be
 * `undefined`.
 * @param path the name of the value in the clause
 */
export function findNonJson(value: unknown, path: string, depth = 0): string | undefined {
  switch (typeof value) {
    case 'undefined':
    case 'string':
    case 'boolean':
      return undefined
    case 'number':
      return Number.isFinite(value) ? undefined : `${path} is ${value}, which JSON cannot represent`
    case 'object':
      return value === null ? undefined : findInObject(value, path, depth)
  }
  return `${path} is a ${typeof value}, which JSON cannot represent`
}

function findInObject(value: object, path: string, depth: number): string | undefined {
  if (depth >= MAX_DEPTH) return `${path.slice(0, 100)}… is nested deeper than ${MAX_DEPTH} levels, or circular`
  const isArray = Array.isArray(value)
  if (!isArray && !isPlain(value)) {
    return `${path} is an instance of ${value.constructor.name}, which JSON would change: pass plain data`
  }
  for (const [key, member] of Object.entries(value)) {
    const memberPath = isArray ? `${path}[${key}]` : `${path}.${key}`
    const found =
      isArray && member === undefined
        ? `${memberPath} is undefined, which JSON would make null`
        : findNonJson(member, memberPath, depth + 1)
    if (found !== undefined) return found
  }
  return undefined
}

/** Also `true` for a plain object of another realm, such as that of a test runner. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}
