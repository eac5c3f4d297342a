import { expect, it, vi } from 'vitest'
import type { Application } from '../../../src/asgi/application.ts'
import { setTraits } from '../../../src/asgi/application-traits.ts'
import { serve } from '../../../src/server/serve.ts'
import { echo } from '../applications.ts'

// As Node fails where the package is not installed.
vi.mock('prom-client', () => {
  throw Object.assign(new Error("Cannot find package 'prom-client'"), { code: 'ERR_MODULE_NOT_FOUND' })
})

it('metricsPort rejects the start without prom-client, with the package to install', async () => {
  const application = setTraits(echo as Application, { checksOrigin: true })
  await expect(serve(application, { port: 0, metricsPort: 0, lifespan: false })).rejects.toMatchObject({
    code: 'ERR_MISSING_PACKAGE',
    message: expect.stringContaining('npm install prom-client') as string,
  })
})
