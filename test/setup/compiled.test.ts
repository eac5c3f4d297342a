import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'

import { compileProgram, compiledTideway } from './compiled.ts'

describe('compileProgram', () => {
  it('compiles a program that plain Node runs with the compiled packages', async () => {
    const program = compileProgram(new URL('../live/fixture/room.ts', import.meta.url))
    const script = `
      const { room } = await import(${JSON.stringify(program)})
      console.log(room('lobby').name, import.meta.resolve('tideway/live'))`
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script])
    expect(stdout).toMatch(/^room\.lobby file:.*\/packages\/tideway\/dist\/live\/index\.js\n$/)
  })

  it('refuses a program that imports the sources of a package by a relative path', () => {
    const fixture = new URL('../../packages/tideway/test/server/metrics/fixture/cluster.ts', import.meta.url)
    expect(() => compileProgram(fixture)).toThrow(
      /cluster\.ts imports packages\/tideway\/src\/.*by the name of its package/,
    )
  })
})

it('compiledTideway is the command of the package', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [compiledTideway, '--version'])
  expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
})
