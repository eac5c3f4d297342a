import { basename } from 'node:path'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { describe, expect, it } from 'vitest'

/** The bytes that a page pays for the import, minified and gzipped. Not those of modules that it may load later. */
async function gzippedBytes(...imports: string[]): Promise<number> {
  const { metafile, outputFiles } = await build({
    stdin: { contents: imports.map((one) => `export ${one}`).join('\n'), resolveDir: import.meta.dirname },
    bundle: true,
    minify: true,
    write: false,
    metafile: true,
    splitting: true,
    outdir: '/',
    format: 'esm',
    target: 'es2022',
    conditions: ['@tideway/source'],
  })
  const outputs = Object.values(metafile.outputs)
  const later = outputs.flatMap(({ imports: of }) => of.filter(({ kind }) => kind === 'dynamic-import'))
  const now = outputFiles.filter(({ path }) => !later.some((one) => basename(one.path) === basename(path)))
  return now.reduce((bytes, { contents }) => bytes + gzipSync(contents, { level: 9 }).length, 0)
}

describe('The size of the client', () => {
  it('is at most 4 kB for connect, minified and gzipped', async () => {
    expect(await gzippedBytes(`{ connect } from '@tideway/client'`)).toBeLessThanOrEqual(4_096)
  })

  it('is at most 4 kB for TidewaySocket', async () => {
    expect(await gzippedBytes(`{ TidewaySocket } from '@tideway/client'`)).toBeLessThanOrEqual(4_096)
  })

  it('is at most 5 kB for both, with the text for a state', async () => {
    expect(
      await gzippedBytes(`{ connect, TidewaySocket, describeState, secondsLeft } from '@tideway/client'`),
    ).toBeLessThanOrEqual(5_120)
  })

  it('is at most 4 kB more than connect for connectLive', async () => {
    const both = [`{ connect } from '@tideway/client'`, `{ connectLive } from '@tideway/client/live'`]
    expect(await gzippedBytes(...both)).toBeLessThanOrEqual(4_096 + 4_096)
  })

  it('is at most 7.5 kB for connectLive alone', async () => {
    expect(await gzippedBytes(`{ connectLive } from '@tideway/client/live'`)).toBeLessThanOrEqual(7_680)
  })
})
