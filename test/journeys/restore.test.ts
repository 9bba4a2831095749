/** An old backup of the control plane is put back under load: traffic stays where it is, and the next flip works. */
import { copyFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { backup, DatabaseSync } from 'node:sqlite'
import { setTimeout as wait } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { Clients } from '../../bench/support/journey/clients.ts'
import { FlipClock } from '../../bench/support/journey/flip-clock.ts'
import { openDesk } from '../../bench/support/journey/journey.ts'
import { shareAt, turnedBack } from '../../bench/support/journey/sides.ts'
import { makeUsers } from '../../bench/support/journey/users.ts'
import { nowMs } from '../../bench/support/open-loop.ts'
import { type RunningSystem, startSystem } from '../../bench/support/start-system.ts'
import { Random } from '../properties/generators/random.ts'
import { eventually } from '../support/eventually.ts'

const perSecond = 150
const flips = [
  ['carts', { to: 'cloud', reads: 3_000, writes: 3_000 }],
  ['orders', { to: 'cloud', reads: 2_000 }],
  ['carts', { to: 'cloud', reads: 6_000, writes: 6_000 }],
  ['orders', { to: 'cloud' }],
  ['products', { to: 'cloud' }],
] as const

it('a restored backup moves nobody, and the next flip works', async () => {
  await using system = await startSystem({ stores: 'real' })
  const { client } = system
  const random = new Random(5)
  const users = makeUsers(60, random)
  await using desk = await openDesk(system)
  await desk.issue(...users)
  await using clients = new Clients(system, { perSecond, users, random, run: 'restore' })
  const clock = await FlipClock.open(system)

  await takeBackup(system)
  await addRoute(system)
  for (const [unit, split] of flips)
    await clock.measure(() => client.flip(unit, { ...split, reason: 'after the backup' }, '*'))
  const before = await client.status()
  const placements = await placementsOf(system)
  await wait(500)

  const settledAt = nowMs()
  await putBack(system)
  await eventually(async () => (await live(system)) === 2, { deadlineMs: 10_000, what: 'both gateways being back' })
  await wait(1_500)
  const restored = await client.status()
  const moved = clients.since(settledAt)

  expect(restored.recovery).toEqual({ state: 'done', silent: [] })
  expect(restored.catalogBehind).toBe(true)
  expect(restored.table.placements).toBeGreaterThan(before.table.placements)
  expect(restored.table.structure).toBeGreaterThanOrEqual(before.table.structure)
  expect(await placementsOf(system)).toEqual(placements)
  expect([...turnedBack(moved, 'cloud'), ...turnedBack(moved, 'onprem')]).toEqual([])

  const flip = await clock.measure(() => client.flip('orders', { to: 'onprem', reason: 'after the restore' }, '*'))
  const flippedAt = nowMs()
  await wait(1_000)
  await clients.stop()

  const orders = clients.since(flippedAt).filter(({ request }) => request.unit === 'orders')
  expect(shareAt(orders, 'cloud').there).toBe(0)
  expect(flip.answer.epoch).toBeGreaterThan(placements.find(({ unit }) => unit === 'orders')?.epoch ?? 0)
  expect(await client.verifyAudit()).toMatchObject({ valid: true })
  expect((await client.audit({ limit: 500 })).map(({ action }) => action)).toContain('table.recovered')
  expect(clients.failed.map(({ fault }) => fault)).toEqual([])
  expect(clients.audit()).toMatchObject({ lost: [], doubled: [], elsewhere: [] })
})

const fileOf = ({ home }: RunningSystem): string => join(home, 'control-plane/tidegate.db')
const backupOf = ({ home }: RunningSystem): string => join(home, 'backup.db')

/** As docs/operate/backup.md says: by SQLite's own means, while it runs. */
async function takeBackup(system: RunningSystem): Promise<void> {
  const database = new DatabaseSync(fileOf(system), { readOnly: true })
  await backup(database, backupOf(system))
  database.close()
}

/** Also as it says there; after a crash, so that the log of the newer database is still beside it. */
async function putBack(system: RunningSystem): Promise<void> {
  const program = system.program('control-plane')
  await program.end('SIGKILL')
  for (const ending of ['-wal', '-shm']) await rm(fileOf(system) + ending, { force: true })
  await copyFile(backupOf(system), fileOf(system))
  await program.start()
}

/** The backup's catalog lacks it, the fleet's structure has it. */
async function addRoute({ client }: RunningSystem): Promise<void> {
  const { files } = await client.catalog()
  const orders = files.find(({ file }) => file === 'services/orders.yaml')
  const route = '  - path: /v1/orders/{id}/history\n    methods: [GET]\n    auth: { scopes: [orders:read] }\n'
  const file = { file: 'services/orders.yaml', text: `${orders?.text}${route}` }
  await client.apply({ files: [file], mode: 'merge', reason: 'after the backup' })
}

async function placementsOf({ client }: RunningSystem) {
  return (await client.units()).map(({ placement }) => placement)
}

async function live({ client }: RunningSystem): Promise<number> {
  return (await client.gateways()).filter(({ state }) => state === 'live').length
}
