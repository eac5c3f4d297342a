import type { Application } from 'tideway/asgi'
import { mount, path, urlRouter, type ConverterName, type Route } from 'tideway/routing'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { call, Calls, hidden, httpScope } from './connections.ts'

type Part = string | { readonly name: string; readonly converter: ConverterName }

/** Few letters, so that random patterns and random paths meet. */
const literal = fc.string({ unit: fc.constantFrom('a', 'b', '1', '-', 'é', '.'), minLength: 1, maxLength: 3 })
const converter = fc.constantFrom<ConverterName>('int', 'str', 'slug', 'uslug', 'uuid', 'path')
const someUuid = '00000000-0000-4000-8000-00000000000a'

const segmentParts = fc.oneof(
  { weight: 4, arbitrary: literal.map((text) => [text]) },
  { weight: 4, arbitrary: converter.map((name) => [name]) },
  { weight: 1, arbitrary: fc.tuple(literal, converter) },
  { weight: 1, arbitrary: fc.tuple(converter, literal, converter) },
  { weight: 1, arbitrary: fc.constant([]) },
)
const isConverter = (text: string): text is ConverterName => /^(int|str|slug|uslug|uuid|path)$/.test(text)

/** The parts of a pattern: literal texts, slashes among them, and parameters with names of their own. */
const pattern: fc.Arbitrary<Part[]> = fc
  .array(segmentParts, { minLength: 1, maxLength: 4 })
  .map((segments) => segments.flatMap((parts, i) => (i === 0 ? parts : ['/', ...parts])))
  .filter((parts) => parts[0] !== '/')
  .map((parts) => parts.map((part, i) => (isConverter(part) ? { name: `p${i}`, converter: part } : part)))

function sourceOf(parts: readonly Part[]): string {
  return parts.map((part) => (typeof part === 'string' ? part : `<${part.converter}:${part.name}>`)).join('')
}

/** The same pattern with other parameters, or literal texts in their place. */
function variantOf(parts: readonly Part[]): fc.Arbitrary<Part[]> {
  const other = (part: Part): fc.Arbitrary<Part> =>
    typeof part === 'string'
      ? fc.constant(part)
      : fc.oneof(
          fc.constant(part),
          literal,
          fc.constantFrom('1/', '-/a'),
          converter.map((converter) => ({ name: part.name, converter })),
        )
  return fc.tuple(...parts.map(other)).filter((parts) => !sourceOf(parts).startsWith('/'))
}

const valueOf: Record<ConverterName, fc.Arbitrary<string>> = {
  int: fc.oneof(fc.nat({ max: 99 }).map(String), fc.constantFrom('9007199254740991', '9007199254740992', '007')),
  str: literal,
  slug: fc.string({ unit: fc.constantFrom('a', 'b', '1', '-'), minLength: 1, maxLength: 3 }),
  uslug: fc.string({ unit: fc.constantFrom('a', '1', '방', '𠮷'), minLength: 1, maxLength: 3 }),
  uuid: fc.constant(someUuid),
  path: fc.array(literal, { minLength: 1, maxLength: 3 }).map((texts) => texts.join('/')),
}

/** A path that was made to match the pattern, but for numbers that are too large. */
function pathFor(parts: readonly Part[]): fc.Arbitrary<string> {
  return fc
    .tuple(...parts.map((part) => (typeof part === 'string' ? fc.constant(part) : valueOf[part.converter])))
    .map((texts) => texts.join(''))
}

const anyPath = fc
  .array(fc.oneof(literal, fc.constant(''), valueOf.int, fc.constant(someUuid)), { maxLength: 5 })
  .map((segments) => segments.join('/').replace(/^\/+/, ''))

/** Whether the text is one that the converter takes: by its characters, without a regular expression. */
function fits(name: ConverterName, text: string): boolean {
  const all = (characters: string): boolean => text !== '' && text.split('').every((c) => characters.includes(c))
  if (name === 'path') return text !== ''
  if (name === 'str') return text !== '' && !text.includes('/')
  if (name === 'int') return all('0123456789')
  if (name === 'slug') return all('-_0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ')
  if (name === 'uslug')
    return text !== '' && Array.from(text).every((c) => '-_방𠮷é'.includes(c) || /[0-9a-z]/i.test(c))
  return (
    all('0123456789abcdef-') &&
    text
      .split('-')
      .map((part) => part.length)
      .join() === '8,4,4,4,12'
  )
}

/** The oracle: tries the longest text for each parameter first, as Django's regular expressions do. */
function textsOf(parts: readonly Part[], text: string): string[] | undefined {
  const [first, ...rest] = parts
  if (first === undefined) return text === '' ? [] : undefined
  if (typeof first === 'string') return text.startsWith(first) ? textsOf(rest, text.slice(first.length)) : undefined
  for (let length = text.length; length > 0; length -= 1) {
    if (!fits(first.converter, text.slice(0, length))) continue
    const others = textsOf(rest, text.slice(length))
    if (others !== undefined) return [text.slice(0, length), ...others]
  }
  return undefined
}

function expectedKwargs(parts: readonly Part[], text: string): object | undefined {
  const texts = textsOf(parts, text)
  if (texts === undefined) return undefined
  const names = parts.filter((part) => typeof part !== 'string')
  const entries = names.map(
    ({ name, converter }, i) => [name, converter === 'int' ? Number(texts[i]) : texts[i]] as const,
  )
  const exact = entries.every(([, value]) => typeof value === 'string' || value! <= Number.MAX_SAFE_INTEGER)
  return exact ? Object.fromEntries(entries) : undefined
}

/** What the router does with the path: which application it calls with which kwargs, or the error. */
async function outcomeOf(calls: Calls, router: Application<never>, to: string): Promise<unknown> {
  const before = calls.names.length
  try {
    await call(router as Application, httpScope(`/${to}`))
  } catch (error) {
    return error
  }
  expect(calls.names).toHaveLength(before + 1)
  return { name: calls.names.at(-1), urlRoute: calls.lastUrlRoute, pathRemaining: calls.lastScope.pathRemaining }
}

async function kwargsOf(route: Route, calls: Calls, to: string): Promise<unknown> {
  const outcome = await outcomeOf(calls, urlRouter([route]), to)
  return outcome instanceof Error ? undefined : calls.lastUrlRoute!.kwargs
}

describe('any path pattern and any path', () => {
  it('match like an oracle without regular expressions, with the same kwargs', async () => {
    const example = pattern.chain((parts) => fc.tuple(fc.constant(parts), fc.oneof(pathFor(parts), anyPath)))
    await fc.assert(
      fc.asyncProperty(example, async ([parts, to]) => {
        fc.pre(!to.startsWith('/'))
        const calls = new Calls()
        expect(await kwargsOf(path(sourceOf(parts), calls.app('app')), calls, to)).toEqual(expectedKwargs(parts, to))
      }),
      { numRuns: 500 },
    )
  })

  it('match the same with a mount before the last segment', async () => {
    const example = fc
      .tuple(pattern, pattern)
      .map(
        ([head, tail]) =>
          [head, tail.map((part) => (typeof part === 'string' ? part : { ...part, name: `${part.name}b` }))] as const,
      )
      .chain(([head, tail]) => {
        const whole = [...head, '/', ...tail]
        return fc.tuple(fc.constant(head), fc.constant(tail), fc.oneof(pathFor(whole), anyPath))
      })
    await fc.assert(
      fc.asyncProperty(example, async ([head, tail, to]) => {
        // Empty segments are left out between routers, and a wide parameter may read past the border.
        fc.pre(!to.includes('//') && !to.startsWith('/'))
        fc.pre(head.length > 0 && head.every((part) => typeof part === 'string' || part.converter !== 'path'))
        const calls = new Calls()
        const inner = urlRouter([path(sourceOf(tail), calls.app('app'))])
        const nested = mount(`${sourceOf(head)}/`, inner)
        expect(await kwargsOf(nested, calls, to)).toEqual(expectedKwargs([...head, '/', ...tail], to))
      }),
      { numRuns: 500 },
    )
  })
})

describe('any two path patterns', () => {
  it('are rejected as unreachable only if the first matches every path of the second', async () => {
    const example = fc
      .tuple(pattern, fc.boolean())
      .chain(([first, goesOn]) =>
        fc.tuple(fc.constant(first), fc.oneof(pattern, variantOf(first)), fc.constant(goesOn)),
      )
      .chain(([first, second, goesOn]) =>
        fc.tuple(
          fc.constant(first),
          fc.constant(second),
          fc.constant(goesOn),
          fc.array(pathFor(second), { minLength: 20, maxLength: 20 }),
          anyPath,
        ),
      )
    let refused = 0
    await fc.assert(
      fc.asyncProperty(example, async ([first, second, goesOn, paths, more]) => {
        const calls = new Calls()
        const earlier = path(sourceOf(first), calls.app('first'))
        const later = (goesOn ? mount : path)(sourceOf(second), calls.app('second'))
        try {
          urlRouter([earlier, later])
          return
        } catch {
          refused += 1
        }
        for (const to of paths.flatMap((to) => (goesOn ? [to, to + more, `${to}/${more}`] : [to]))) {
          if ((await kwargsOf(later, calls, to)) === undefined) continue
          expect([to, await kwargsOf(earlier, calls, to)]).not.toEqual([to, undefined])
        }
      }),
      { numRuns: 800 },
    )
    expect(refused).toBeGreaterThan(20)
  })
})

describe('any tree of routers', () => {
  interface Tree {
    readonly source: string
    readonly inner: readonly Tree[] | undefined
  }
  const source = fc.constantFrom('', 'a/', 'b/', 'a', ':x/', '<int:n>/', '<path:p>', ':y')
  const { tree } = fc.letrec<{ tree: Tree; routes: Tree[] }>((tie) => ({
    tree: fc.record({
      source,
      inner: fc.option(tie('routes'), { nil: undefined, depthSize: 'small' }),
    }),
    routes: fc.array(tie('tree'), { maxLength: 4 }),
  }))
  const to = fc.array(fc.constantFrom('a', 'b', 'c', '1', ''), { maxLength: 5 }).map((texts) => texts.join('/'))

  /** The routes, with each router inside them hidden or not. A name says where in the tree the application is. */
  function build(trees: readonly Tree[], calls: Calls, hide: boolean, at: string): Route[] {
    return trees.map(({ source, inner }, i) => {
      const name = `${at}.${i}`
      if (inner === undefined) return path(source, calls.app(name))
      const router = urlRouter(build(inner, calls, hide, name))
      return hide ? mount(source, hidden(router)) : path(source, router)
    })
  }

  it('calls the same application, or fails in the same way, with and without middleware around inner routers', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(tree, { minLength: 1, maxLength: 4 }),
        fc.array(to, { minLength: 1, maxLength: 5 }),
        async (trees, paths) => {
          const calls = new Calls()
          let open: Application<never>
          let closed: Application<never>
          try {
            open = urlRouter(build(trees, calls, false, ''))
            closed = urlRouter(build(trees, calls, true, ''))
          } catch {
            return // a route that can never be reached
          }
          for (const to of paths) {
            expect(await outcomeOf(calls, closed, to)).toEqual(await outcomeOf(calls, open, to))
          }
        },
      ),
      { numRuns: 500 },
    )
  })
})
