/**
 * The bundler leaves tideway alone: route handlers take it from node_modules, as the server does.
 * @type {import('next').NextConfig}
 */
const config = { serverExternalPackages: ['tideway'] }

export default config
