import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

/** Prints when something imports jose. */
const hooks = `
  import { writeSync } from 'node:fs'
  export function resolve(specifier, context, next) {
    if (specifier === 'jose') writeSync(1, 'jose is imported\\n')
    return next(specifier, context)
  }`

it('tideway imports jose with the first token', async () => {
  const script = `
    import { register } from 'node:module'
    register(${JSON.stringify(`data:text/javascript,${encodeURIComponent(hooks)}`)})
    const { jwtVerifier } = await import('tideway')
    const verify = jwtVerifier({ secret: 'a secret of thirty-two bytes or more' })
    console.log('a verifier is made')
    for (let token = 1; token <= 2; token++) await verify('no token').catch(({ code }) => console.log(code))`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script], {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
  })
  expect(stdout.split('\n')).toEqual([
    'a verifier is made',
    'jose is imported',
    'ERR_INVALID_TOKEN',
    'ERR_INVALID_TOKEN',
    '',
  ])
})
