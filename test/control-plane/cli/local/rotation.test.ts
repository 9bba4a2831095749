import { describe, expect, it } from 'vitest'
import { checkSeal, KeyRing, type Purpose, seal, signingKey, trustedKeys } from '#routes/seal.ts'
import { newPair, newSecret } from '../../../../control-plane/cli/local/keys.ts'
import {
  type AgedRing,
  nextId,
  nextStep,
  nextTableStep,
  opened,
  type Refused,
  rotateRing,
  rotateTables,
  type Step,
  steps,
  type TableFiles,
} from '../../../../control-plane/cli/local/rotation.ts'

const purpose: Purpose = 'edge-gateway'
const started: AgedRing = { purpose, keys: [newSecret('k1')] }

function taken<After extends object>(after: After | Refused): After {
  if ('refused' in after) throw new Error(after.refused)
  return after
}

const afterStep = (ring: AgedRing, step: Step) => taken(rotateRing(ring, step, newSecret(nextId(ring.keys, 'k'))))

/** The file as it is before and after each step, through two whole rotations. */
function history(): readonly AgedRing[] {
  const rings = [started]
  for (const step of [...steps, ...steps]) rings.push(afterStep(rings.at(-1) as AgedRing, step))
  return rings
}

async function opens(ring: AgedRing): Promise<KeyRing> {
  const open = await KeyRing.open(ring)
  if (open === undefined) throw new Error('the ring does not open')
  return open
}

describe('a rotation of a ring', () => {
  it('never has a program refuse another that is one step behind or ahead', async () => {
    const rings = await Promise.all(history().map(opens))

    for (const [at, ring] of rings.entries()) {
      for (const other of [rings[at - 1], ring, rings[at + 1]]) {
        if (other === undefined) continue
        expect(await ring.verify(other.signingId, 'text', await other.sign('text'))).toBe(true)
      }
    }
    expect(rings.map(({ signingId }) => signingId)).toEqual(['k1', 'k1', 'k2', 'k2', 'k2', 'k3', 'k3'])
  })

  it('would have them refuse each other with a step left out', async () => {
    const [one, , used, retired] = await Promise.all(history().map(opens))
    if (one === undefined || used === undefined || retired === undefined) throw new Error('the history is short')

    expect(await one.verify(used.signingId, 'text', await used.sign('text'))).toBe(false)
    expect(await retired.verify(one.signingId, 'text', await one.sign('text'))).toBe(false)
  })

  it('goes in one order alone: every other step is refused, and says which one is next', () => {
    for (const ring of history()) {
      const expected = nextStep(ring.keys)
      for (const step of steps.filter((each) => each !== expected)) {
        expect(rotateRing(ring, step, newSecret('k9'))).toEqual({
          refused: expect.stringContaining(`${expected} comes next`),
        })
      }
    }
  })

  it('knows the newer of two keys by its date, then by its number, and does nothing where neither tells', () => {
    const [old, young] = [{ id: 'a' }, { id: 'b', createdAt: '2026-11-22T08:00:00.000Z' }]

    expect(nextStep([old, young])).toBe('use')
    expect(nextStep([young, old])).toBe('retire')
    expect(nextStep([{ id: 'k9' }, { id: 'k10' }])).toBe('use')
    const unclear = { purpose, keys: ['a', 'b'].map((id) => ({ id, secret: newSecret(id).secret })) }
    for (const step of steps)
      expect(rotateRing(unclear, step, newSecret('k1'))).toMatchObject({ refused: /cannot be told/ })
  })

  it('keeps what else the file says, and never more than two keys', () => {
    for (const ring of history()) expect(ring.keys.length).toBeLessThanOrEqual(2)
    expect(afterStep(started, 'add').keys[0]).toEqual(started.keys[0])
    expect(rotateRing({ purpose, keys: [] }, 'add', newSecret('k1'))).toMatchObject({ refused: /0 keys/ })
  })
})

async function tableHistory(): Promise<readonly TableFiles[]> {
  const pair = await newPair('t1')
  const files: TableFiles[] = [{ sealing: pair, open: { keys: [opened(pair)] } }]
  for (const step of [...steps, ...steps]) {
    const held = files.at(-1) as TableFiles
    files.push(taken(rotateTables(held, step, await newPair(nextId(held.open.keys, 't')))))
  }
  return files
}

describe('a rotation of the key that seals tables', () => {
  it('never has a gateway or edge refuse a table of a control plane that is one step behind or ahead', async () => {
    const files = await tableHistory()

    for (const [at, { sealing }] of files.entries()) {
      const signing = await signingKey(sealing.id, sealing.privateKey)
      if (signing === undefined) throw new Error('the key does not open')
      const sealed = await seal('placements', '{}', signing)
      for (const { open } of files.slice(Math.max(0, at - 1), at + 2)) {
        const trusted = await trustedKeys(open.keys)
        expect(await checkSeal(sealed, trusted ?? new Map())).toBe('valid')
      }
    }
    expect(files.map(({ sealing }) => sealing.id)).toEqual(['t1', 't1', 't2', 't2', 't2', 't3', 't3'])
  })

  it('may be asked again for a step that ended between its two files', async () => {
    const [one, added, used] = await tableHistory()
    if (one === undefined || added === undefined || used === undefined) throw new Error('the history is short')

    // Of `add` the secret file was written, of `retire` the public one.
    const half = { sealing: added.sealing, open: one.open }
    expect(nextTableStep(half)).toBe('add')
    expect(taken(rotateTables(half, 'add', await newPair('t9')))).toEqual(added)
    const halfRetired = { sealing: used.sealing, open: { keys: [opened(used.sealing)] } }
    expect(taken(rotateTables(halfRetired, 'retire', await newPair('t9'))).sealing).not.toHaveProperty('earlier')
  })

  it('leaves no trace of the old private key, and none of the new one where only public keys are', async () => {
    const [one, added, used] = await tableHistory()
    const old = one?.sealing.privateKey ?? ''

    expect(JSON.stringify(used)).not.toContain(old)
    for (const files of [added, used]) expect(JSON.stringify(files?.open)).not.toContain('privateKey')
  })
})
