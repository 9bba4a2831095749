import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it } from 'vitest'
import { chained } from '../../../control-plane/audit/chain.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { catalogOf, serviceFile } from '../support/catalog.ts'
import { startControlPlane } from '../support/control-plane.ts'

const files = [...catalogOf(serviceFile('orders'))]

/** Changes the database behind the program's back, as somebody with access to the disk would. */
function tamper(file: string, ...statements: string[]): void {
  const database = new DatabaseSync(file)
  for (const statement of statements) database.exec(statement)
  database.close()
}

describe('the audit', () => {
  it('tells who did what to which unit, from what to what, why and by which table', async () => {
    await using plane = await startControlPlane()
    await plane.client.apply({ files, reason: 'the first catalog' })
    const flipped = await plane.client.flip('orders', { to: 'cloud', reason: 'moving day' }, 1)
    await plane.client.rollback('orders')

    const entries = await plane.client.audit()
    expect(entries.map(({ seq, action, object }) => [seq, action, object])).toEqual([
      [1, 'catalog.apply', 'catalog'],
      [2, 'unit.flip', 'orders'],
      [3, 'unit.rollback', 'orders'],
    ])
    expect(entries[1]).toMatchObject({
      actor: 'admin',
      via: 'api',
      reason: 'moving day',
      tableNumber: flipped.table,
      epoch: 2,
      before: { placements: [{ owner: 'onprem', epoch: 1 }] },
      after: { placements: [{ owner: 'cloud', epoch: 2 }] },
    })
    expect(entries[1]?.prev).toBe(entries[0]?.hash)
    expect(await plane.client.verifyAudit()).toMatchObject({ valid: true, entries: 3 })
  })

  it.each([
    [
      'a changed entry',
      ['drop trigger audit_is_never_changed', "update audit set reason = 'nothing' where seq = 2"],
      { seq: 2, because: 'hash-differs' },
    ],
    [
      'a removed entry',
      ['drop trigger audit_is_never_cut', 'delete from audit where seq = 2'],
      { seq: 2, because: 'gap' },
    ],
    ['a cut end', ['drop trigger audit_is_never_cut', 'delete from audit where seq = 3'], { seq: 3, because: 'gap' }],
    [
      'a placement that no entry tells of',
      ['pragma foreign_keys = off', "update placement_changes set owner = 'cloud' where epoch = 3"],
      { because: 'placement-differs: orders' },
    ],
  ])('finds %s', async (_, statements, fault) => {
    await using folder = await temporaryFolder()
    await using plane = await startControlPlane({ home: folder.path })
    await plane.client.apply({ files })
    await plane.client.flip('orders', { to: 'cloud', reason: 'x' }, 1)
    await plane.client.rollback('orders')
    tamper(folder.file('tidegate.db'), ...statements)

    expect(await plane.client.verifyAudit()).toMatchObject({ valid: false, fault })
  })

  it.each([
    ['in the middle', 2, { seq: 3, because: 'link-differs' }],
    ['at the end', 3, { seq: 4, because: 'head-differs' }],
  ])('finds an entry %s that was written anew with a right hash of its own', async (_, seq, fault) => {
    await using folder = await temporaryFolder()
    await using plane = await startControlPlane({ home: folder.path })
    await plane.client.apply({ files })
    await plane.client.flip('orders', { to: 'cloud', reason: 'x' }, 1)
    await plane.client.rollback('orders')
    const log = await plane.controlPlane.plane.store.records.audit.list(0, 10)
    const [former, entry] = [log[seq - 2], log[seq - 1]]
    if (former === undefined || entry === undefined) throw new Error('no such entry')
    const { hash: _hash, seq: _seq, prev: _prev, ...facts } = entry
    const forged = chained(former, { ...facts, reason: 'forged' })
    const set = `update audit set reason = 'forged', hash = '${forged.hash}' where seq = ${seq}`
    tamper(folder.file('tidegate.db'), 'drop trigger audit_is_never_changed', set)

    expect(await plane.client.verifyAudit()).toMatchObject({ valid: false, fault })
  })

  it('is kept append-only by the database itself', async () => {
    await using folder = await temporaryFolder()
    await using plane = await startControlPlane({ home: folder.path })
    await plane.client.apply({ files })
    expect(() => tamper(folder.file('tidegate.db'), "update audit set reason = 'x'")).toThrow(/never changed/)
    expect(() => tamper(folder.file('tidegate.db'), 'delete from audit')).toThrow(/never removed/)
  })

  it('has an entry for each change or there is no change', async () => {
    await using plane = await startControlPlane()
    await plane.client.apply({ files })
    const { store, publisher } = plane.controlPlane.plane
    const before = await plane.client.audit()
    const [newest] = await plane.client.tables()

    // The process dies between the placement and its audit entry.
    const crashing = publisher.change(async ({ tables }) => {
      const current = await tables.placement('orders')
      if (current === undefined) throw new Error('no placement')
      const placement = { ...current.placement, epoch: 2, owner: 'cloud' }
      expect(await tables.follow(1, { ...current, placement, number: 2 })).toBe(true)
      throw new Error('crash')
    })

    await expect(crashing).rejects.toThrow('crash')
    expect((await store.records.tables.placement('orders'))?.placement).toMatchObject({ epoch: 1, owner: 'onprem' })
    expect(await plane.client.audit()).toEqual(before)
    expect((await plane.client.tables())[0]).toEqual(newest)
  })
})
