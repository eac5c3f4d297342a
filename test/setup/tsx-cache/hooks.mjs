import { createHash, randomUUID } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

const CACHE = fileURLToPath(new URL('../../../node_modules/.cache/tsx-cache/', import.meta.url))
const TARGET = `node${process.versions.node}`
const { version } = createRequire(import.meta.url)('esbuild/package.json')
mkdirSync(CACHE, { recursive: true })

/**
 * Loads TypeScript as an ES module. The key in the cache includes all that the output depends on.
 * @type {import('node:module').LoadHook}
 */
export async function load(url, context, nextLoad) {
  if (!url.startsWith('file:') || !/\.m?ts$/.test(new URL(url).pathname)) return nextLoad(url, context)
  const path = fileURLToPath(url)
  const typeScript = readFileSync(path)
  const key = createHash('sha256').update(`${version} ${TARGET} ${path}\n`).update(typeScript).digest('hex')
  const source = read(`${CACHE}${key}.js`) ?? keep(`${CACHE}${key}.js`, await transform(path, typeScript))
  return { format: 'module', source, shortCircuit: true }
}

function read(file) {
  try {
    return readFileSync(file)
  } catch (error) {
    if (error.code === 'ENOENT') return undefined
    throw error
  }
}

// Other processes read the file at any time: it appears complete.
function keep(file, source) {
  const incomplete = `${file}.${randomUUID()}`
  writeFileSync(incomplete, source)
  renameSync(incomplete, file)
  return source
}

async function transform(path, typeScript) {
  const esbuild = await import('esbuild')
  const { code } = await esbuild.transform(typeScript, {
    loader: 'ts',
    format: 'esm',
    target: TARGET,
    sourcefile: path,
    sourcemap: 'inline',
    sourcesContent: false,
  })
  return code
}
