/**
 * Makes this thread able to load TypeScript: through tsx, or where the process goes without tsx, as Node itself does from
 * 22.18 on. Rejects where neither is there.
 */
export async function enableTypeScript(): Promise<void> {
  const { typescript } = process.features as { readonly typescript?: false | string }
  // tsx registers itself in the main thread only, also where the arguments that threads inherit name it.
  const isStartedWithTsx = process.execArgv.some((argument) => argument.includes('tsx'))
  if (Boolean(typescript) && !isStartedWithTsx) return
  const { register } = (await import('tsx/esm/api')) as { register(): unknown }
  register()
}
