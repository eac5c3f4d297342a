import { execFile } from 'node:child_process'
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import * as client from '@tideway/client'
import * as liveClient from '@tideway/client/live'
import * as react from '@tideway/client/react'
import * as redis from '@tideway/redis'
import * as tideway from 'tideway'
import * as asgi from 'tideway/asgi'
import * as auth from 'tideway/auth'
import * as consumer from 'tideway/consumer'
import * as layer from 'tideway/layer'
import * as live from 'tideway/live'
import * as cluster from 'tideway/layer/cluster'
import * as kit from 'tideway/layer/kit'
import * as routing from 'tideway/routing'
import * as security from 'tideway/security'
import * as server from 'tideway/server'
import * as testing from 'tideway/testing'
import * as worker from 'tideway/worker'
import { codeBlocks, pages, root, type CodeBlock } from './markdown.ts'

// Blocks that are cut from no file leave out what a reader knows: imports, and names of the reader's own. What they do say
// is compiled: every name of the packages, every option, every method has to be there.

const packages: Readonly<Record<string, object>> = {
  tideway,
  '@tideway/client': client,
  '@tideway/client/live': liveClient,
  '@tideway/redis': redis,
  'tideway/worker': worker,
  'tideway/testing': testing,
  'tideway/layer': layer,
  'tideway/live': live,
  'tideway/layer/cluster': cluster,
  'tideway/layer/kit': kit,
  'tideway/security': security,
  'tideway/auth': auth,
  'tideway/asgi': asgi,
  'tideway/consumer': consumer,
  'tideway/routing': routing,
  'tideway/server': server,
  '@tideway/client/react': react,
}

/** Types, which are not there to be looked up at run time. */
const types: Readonly<Record<string, readonly string[]>> = {
  tideway: [
    'Application',
    'Authenticated',
    'Handlers',
    'HttpScope',
    'TextOrBytes',
    'User',
    'UserStore',
    'WebSocketScope',
  ],
  'tideway/auth': ['WithSession'],
}

/** What a reader fills in: names, modules and types of the reader's own. */
const LEFT_OUT = /error TS(?:2304|2503|2552|2582|18004|7005|7006|7031|7034|2307): (?!.*'@?tideway)/

const shown = (await Promise.all((await pages()).map(codeBlocks))).flat()
/** These are held equal to code by tests of their packages, are translations, or show another library. */
const ELSEWHERE = /^docs\/(?:guides\/(?:client|heavy-work|routing)|ko\/.*|from-socket-io)\.md:/

const loose = shown.filter(
  ({ at, language, file, partOf }) => /^tsx?$/.test(language) && (file ?? partOf) === undefined && !ELSEWHERE.test(at),
)

/** Methods that are shown without their class are put into one. */
function inClass(text: string): string {
  return /^(?:override|static) /.test(text) ? `class Shown extends WebSocketConsumer {\n${text}\n}\n` : text
}

/** The block as a module, with the imports that it leaves out in front, on its first line. */
function moduleOf({ text }: CodeBlock): string {
  const code = inClass(text)
  const declared = new Set(
    [...code.matchAll(/\b(?:class|const|let|function|type|interface) (\w+)/g)].map(([, name]) => name!),
  )
  const imported = new Set(
    [...code.matchAll(/import (?:type )?\{([^}]*)\}/g)].flatMap(([, names]) => names!.match(/\w+/g) ?? []),
  )
  for (const [, name] of code.matchAll(/import (?:type )?(?:\* as )?(\w+) from/g)) imported.add(name!)
  const isMissing = (name: string): boolean =>
    !declared.has(name) && !imported.has(name) && new RegExp(String.raw`(?<![.\w'])${name}(?=[<(;,)\s}\]])`).test(code)
  const taken = new Set<string>()
  const imports = Object.entries(packages).flatMap(([specifier, exports]) => {
    const names = Object.keys(exports).filter((name) => !taken.has(name) && isMissing(name))
    for (const name of names) taken.add(name)
    return names.length === 0 ? [] : [`import { ${names.join(', ')} } from '${specifier}'; `]
  })
  const typeImports = Object.entries(types).flatMap(([specifier, all]) => {
    const names = all.filter((name) => !taken.has(name) && isMissing(name))
    return names.length === 0 ? [] : [`import type { ${names.join(', ')} } from '${specifier}'; `]
  })
  return `${[...imports, ...typeImports].join('')}${code}\nexport {}\n`
}

let folder = ''

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tideway-loose-code-'))
  await symlink(`${root}node_modules`, join(folder, 'node_modules'))
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }')
  const compilerOptions = {
    target: 'es2023',
    module: 'nodenext',
    lib: ['es2023', 'dom'],
    types: ['node'],
    customConditions: ['@tideway/source'],
    jsx: 'react-jsx',
    strict: true,
    noEmit: true,
    allowImportingTsExtensions: true,
    skipLibCheck: true,
  }
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['block-*'] }))
})

afterAll(() => rm(folder, { recursive: true }))

async function problemsOf(blocks: readonly CodeBlock[]): Promise<string[]> {
  await Promise.all(blocks.map((block, i) => writeFile(join(folder, `block-${i}.${block.language}`), moduleOf(block))))
  const tsc = `${root}node_modules/.bin/tsc`
  const printed = await promisify(execFile)(tsc, ['-p', folder, '--pretty', 'false'], { cwd: folder }).then(
    () => '',
    (error: { stdout: string }) => error.stdout,
  )
  return printed.split('\n').flatMap((line) => {
    const [, index, row, problem] = /^block-(\d+)\.tsx?\((\d+),\d+\): (.*)$/.exec(line) ?? []
    return problem === undefined || LEFT_OUT.test(problem) ? [] : [`${blocks[Number(index)]!.at} +${row}: ${problem}`]
  })
}

it('code that comes from no file compiles, except for its omissions', async () => {
  expect(loose.length).toBeGreaterThan(20)
  const wrong = (text: string): CodeBlock => ({ at: 'wrong', language: 'ts', file: undefined, partOf: undefined, text })
  const unknownName = wrong("import { serv } from 'tideway'")
  const unknownOption = wrong('await serve(application, { ports: 8000 })')
  expect(await problemsOf([...loose, unknownName, unknownOption])).toEqual([
    expect.stringMatching(/^wrong \+1: .*'serv'/),
    expect.stringMatching(/^wrong \+1: .*'ports'/),
  ])
}, 120_000)
