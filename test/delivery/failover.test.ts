import { afterAll, beforeAll, expect, it } from 'vitest'
import { RedisServer } from '../../packages/redis/test/redis-server.ts'
import { describeWith } from '../setup/describe-with.ts'
import { patiently } from '../setup/patiently.ts'
import { report, ROUNDS } from './fault-settings.ts'
import { Fleet } from './fleet.ts'

describeWith(['redis'], 'clients that follow a kept group behind a Sentinel', () => {
  let servers: RedisServer[] = []
  let sentinel: RedisServer
  let fleet: Fleet

  beforeAll(async () => {
    const master = await RedisServer.start('--repl-diskless-sync-delay', '0')
    const replica = await RedisServer.start(
      '--repl-diskless-sync-delay',
      '0',
      '--replicaof',
      `127.0.0.1 ${master.port}`,
    )
    servers = [master, replica]
    await isReplicated(replica)
    sentinel = await RedisServer.startSentinel(
      [],
      `sentinel monitor main 127.0.0.1 ${master.port} 1`,
      'sentinel down-after-milliseconds main 1000',
      'sentinel failover-timeout main 1000',
    )
    await knowsReplica()
    fleet = await Fleet.start({ sentinels: [sentinel.address], masterName: 'main' }, 1)
  })
  afterAll(async () => {
    await fleet?.stop()
    await Promise.all([sentinel, ...servers].map((server) => server?.stop()))
  })

  async function isReplicated(replica: RedisServer): Promise<void> {
    await patiently(async () => expect(await replica.client.info('replication')).toMatch('master_link_status:up'))
  }

  async function knowsReplica(): Promise<void> {
    await patiently(async () => expect(await sentinel.client.info('sentinel')).toContain('slaves=1'))
  }

  async function currentMaster(): Promise<RedisServer> {
    const [, port] = (await sentinel.client.call('SENTINEL', 'get-master-addr-by-name', 'main')) as [string, string]
    return servers.find((server) => server.port === Number(port))!
  }

  it(
    'get every event once and in order while the master is killed and a replica is promoted',
    { timeout: 120_000 * ROUNDS },
    async () => {
      for (let round = 0; round < ROUNDS; round++) {
        const outcome = await fleet.during(async () => {
          const old = await currentMaster()
          await old.crash()
          const promoted = await patiently(async () => {
            const master = await currentMaster()
            expect(master).not.toBe(old)
            expect(await master.client.info('replication')).toContain('role:master')
            return master
          })
          await old.run()
          await old.client.replicaof('127.0.0.1', promoted.port)
          await isReplicated(old)
        })
        report('while the master is killed and a replica is promoted', outcome)
        expect(outcome).toMatchObject({ lost: 0, told: 0 })
        expect(outcome.deliveries).toBeGreaterThan(outcome.published)
      }
    },
  )
})
