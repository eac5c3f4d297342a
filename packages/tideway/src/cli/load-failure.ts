import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { TidewayError } from '../errors/tideway-error.ts'

/** A line of an error of esbuild: the file, the line from 1, the column from 0, and what is wrong. */
const ESBUILD_LINE = /^(.+):(\d+):(\d+): ERROR: (.*)$/gm

/**
 * Prints why a command failed. Prints errors of tideway without a stack, and syntax errors with file, line and column. Other
 * errors come from the application, and are printed with their stack.
 * @throws a syntax error in an ES module, for Node to print: only Node has its position, and shows it only for uncaught errors
 */
export function printFailure(error: unknown): void {
  const advice = error instanceof Error ? adviceOnType(error) : undefined
  if (error instanceof TidewayError) console.error(`tideway: ${error.message}`)
  else if (!(error instanceof Error)) console.error(error)
  else if (error.name === 'TransformError') console.error(describeTransformError(error))
  else if (advice !== undefined) console.error(advice)
  else if (error instanceof SyntaxError && (hasPosition(error) || !isThrownByCode(error))) {
    error.stack = withoutFrames(error)
    if (!hasPosition(error)) throw error
    console.error(error.stack)
  } else console.error(error)
}

/** Returns what to do if Node loaded an ES module as CommonJS, because package.json has no "type". Node's own message is about a cycle. */
function adviceOnType({ message, code }: NodeJS.ErrnoException): string | undefined {
  const file = /ES Module (?<file>\S.*?) in a cycle/.exec(message)?.groups?.['file']
  if (code !== 'ERR_REQUIRE_CYCLE_MODULE' || file === undefined || typeOfPackage(dirname(file)) === 'module')
    return undefined
  return `tideway: ${file} is an ES module, and its package.json does not say so: run "npm pkg set type=module".`
}

/** Returns the `type` of the nearest package.json. */
function typeOfPackage(folder: string): unknown {
  const file = join(folder, 'package.json')
  if (existsSync(file)) return (JSON.parse(readFileSync(file, 'utf8')) as { readonly type?: unknown }).type
  return dirname(folder) === folder ? undefined : typeOfPackage(dirname(folder))
}

/** Whether a function such as `JSON.parse` threw the error, and not a compiler. */
function isThrownByCode({ stack = '' }: Error): boolean {
  return /^ {4}at (?!.*\(node:|node:|async )/m.test(stack)
}

function withoutFrames({ stack = '' }: Error): string {
  return stack.replace(/(\n {4}at .*)+$/, '')
}

/** Whether the stack begins with the position, as for a CommonJS module. */
function hasPosition({ stack = '', name }: Error): boolean {
  return !stack.startsWith(name)
}

/** Each fault with its line of the source and a caret below it, in the form that Node gives a syntax error. */
function describeTransformError({ message }: Error): string {
  const faults = [...message.matchAll(ESBUILD_LINE)].map(([, file, line, column, what]) => {
    const source = lineOf(file!, Number(line))
    const shown = source === undefined ? '' : `${source}\n${' '.repeat(Number(column))}^\n`
    return `${file}:${line}:${Number(column) + 1}\n${shown}\nSyntaxError: ${what}`
  })
  return faults.length === 0 ? message : faults.join('\n\n')
}

function lineOf(file: string, line: number): string | undefined {
  try {
    return readFileSync(file, 'utf8').split('\n')[line - 1]
  } catch {
    return undefined
  }
}
