import type { TestProject } from 'vitest/node'

import { bundlePackages } from './bundle-packages.ts'
import { compilePackages } from './compile-packages.ts'
import './describe-with.ts'
import { preparePrograms, thisMachine } from './prepare-programs.ts'
import { programsNeeded } from './programs-needed.ts'

/** Runs once, before any worker: compiles and bundles the packages, and finds, or installs, the system programs that the selected test files ask for. */
export default async function setup(project: TestProject): Promise<void> {
  const { vitest } = project
  // Vitest also calls it for each project of vitest.config.ts. They inherit what is provided for the whole run.
  if (project !== vitest.getRootProject()) return
  const prepare = async (): Promise<void> => {
    await compilePackages()
    await bundlePackages()
  }
  await prepare()
  project.onTestsRerun(prepare)
  // The file names given on the command line. Internal to vitest: without it every test file counts as selected.
  const { filenamePattern } = vitest as { readonly filenamePattern?: string[] }
  const specifications = await vitest.globTestSpecifications(filenamePattern)
  const testFiles = specifications.map(({ moduleId }) => moduleId)
  project.provide('systemPrograms', await preparePrograms(await programsNeeded(testFiles), await thisMachine()))
}
