// Preloaded by the processes that tests start from the sources (from-sources.ts). The path of this file contains "tsx",
// because tideway loads no other tsx if an argument of the process does (worker/enable-type-script.ts).
import { register } from 'node:module'
import { isMainThread } from 'node:worker_threads'

// Like tsx, which leaves threads to the code that starts them.
if (isMainThread) {
  process.setSourceMapsEnabled(true)
  register('./hooks.mjs', import.meta.url)
}
