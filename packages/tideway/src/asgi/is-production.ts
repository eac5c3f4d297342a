/** Whether `NODE_ENV` is `production`: error responses then have less detail, and defaults are strict. */
export function isProduction(): boolean {
  return process.env['NODE_ENV'] === 'production'
}
