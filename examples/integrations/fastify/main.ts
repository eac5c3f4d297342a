import { site } from './server.ts'

const app = await site()
console.log(`Listening on ${await app.listen({ port: Number(process.env['PORT'] ?? 8000) })}`)
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void app.close())
