import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { expect, test } from 'vitest'

/** The bytes that a page pays for the import, minified and gzipped. */
async function gzippedBytes(imported: string): Promise<number> {
  const { outputFiles } = await build({
    stdin: { contents: `export { ${imported} } from '@tideway/client'`, resolveDir: import.meta.dirname },
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    target: 'es2022',
    conditions: ['@tideway/source'],
  })
  return gzipSync(outputFiles[0]?.contents ?? '', { level: 9 }).length
}

test('connect is at most 4 kB, minified and gzipped', async () => {
  expect(await gzippedBytes('connect')).toBeLessThanOrEqual(4_096)
})

test('TidewaySocket is at most 4 kB', async () => {
  expect(await gzippedBytes('TidewaySocket')).toBeLessThanOrEqual(4_096)
})

test('both together, with the words for a state, are at most 5 kB', async () => {
  expect(await gzippedBytes('connect, TidewaySocket, describeState, secondsLeft')).toBeLessThanOrEqual(5_120)
})
